"""What Slack refuses of a message, by its documentation of chat.postMessage and Block Kit."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_BLOCKS, MAX_ATTACHMENTS, MAX_TEXT = 50, 100, 40_000
MAX_CHARACTERS = 13_200
"""Of blocks in all: undocumented, found by users (slackapi/bolt-js issue 2509)."""

_BLOCKS = ("header", "section", "context", "divider", "actions", "image", "rich_text")


def content_error(body: Mapping[str, Any]) -> str | None:
    """The error code for a message's content; None if it is right."""
    attachments, blocks = body.get("attachments") or [], body.get("blocks") or []
    if not isinstance(attachments, list) or not isinstance(blocks, list):
        return "invalid_arguments"
    if not (body.get("text") or attachments or blocks):
        return "no_text"
    if len(str(body.get("text", ""))) > MAX_TEXT:
        return "msg_too_long"
    if len(attachments) > MAX_ATTACHMENTS:
        return "too_many_attachments"
    every = [*blocks, *(block for one in attachments for block in one.get("blocks") or ())]
    if len(every) > MAX_BLOCKS or not all(_is_block(block) for block in every):
        return "invalid_blocks"
    return "msg_blocks_too_long" if _characters(every) > MAX_CHARACTERS else None


def _is_block(block: Mapping[str, Any]) -> bool:
    match block.get("type"):
        case "header":
            return _is_text(block.get("text"), 150, ("plain_text",))
        case "section":
            fields, text = block.get("fields"), block.get("text")
            if text is None and not fields:
                return False
            return (text is None or _is_text(text, 3000)) and (
                fields is None or (len(fields) <= 10 and all(_is_text(f, 2000) for f in fields))
            )
        case "context":
            parts = block.get("elements") or []
            return 1 <= len(parts) <= 10 and all(_is_text(part, 3000) for part in parts)
        case kind:
            return kind in _BLOCKS


def _is_text(text: Any, limit: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> bool:
    if not isinstance(text, Mapping) or text.get("type") not in kinds:
        return False
    only_mrkdwn, only_plain = "verbatim" in text, "emoji" in text
    if (only_mrkdwn and text["type"] != "mrkdwn") or (only_plain and text["type"] != "plain_text"):
        return False
    return 1 <= len(str(text.get("text") or "")) <= limit


def _characters(value: Any) -> int:
    """Characters of all texts."""
    if isinstance(value, Mapping):
        return sum(_characters(part) for part in value.values())
    if isinstance(value, list):
        return sum(_characters(part) for part in value)
    return len(value) if isinstance(value, str) else 0
