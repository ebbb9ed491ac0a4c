"""Tokens of SQL, as far as a text that the parser took must be cut or spliced. Pure.

Places are byte offsets of the UTF-8 text, as the parser has them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
    (?P<skip>\s+|--[^\n\r]*)
  | (?P<comment>/\*)
  | (?P<string>[eE]'(?:[^'\\]|''|\\.)*'|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
  | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?)\$.*?\$(?P=tag)\$)
  | (?P<param>\$[0-9]+)
  | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")
  | (?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)
  | (?P<number>[0-9][0-9A-Za-z_.]*|\.[0-9][0-9A-Za-z_]*)
  | (?P<other>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(rb"/\*|\*/")
_OPENING, _CLOSING = (b"(", b"["), (b")", b"]")


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `word` is a bare word in lower case, else empty. `depth` counts brackets."""

    kind: str
    start: int
    end: int
    word: str
    depth: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes to put in the place of others."""

    start: int
    end: int
    text: bytes


def tokens(text: bytes) -> list[Token]:
    """All tokens but blanks and comments."""
    return list(_tokens(text))


def _tokens(text: bytes) -> Iterator[Token]:
    place = depth = 0
    while match := _TOKEN.match(text, place):
        kind, place = match.lastgroup or "", match.end()
        if kind == "tag":
            kind = "dollar"
        if kind == "comment":
            place = _comment_end(text, place)
        elif kind != "skip":
            depth -= match[0] in _CLOSING
            word = match[0].decode("utf-8", "replace").lower() if kind == "word" else ""
            yield Token(kind, match.start(), place, word, depth)
            depth += match[0] in _OPENING


def _comment_end(text: bytes, place: int) -> int:
    """Where a comment that has begun ends: they nest."""
    depth = 1
    while depth and (match := _COMMENT.search(text, place)):
        depth += 1 if match[0] == b"/*" else -1
        place = match.end()
    return place if not depth else len(text)


def spliced(text: bytes, edits: Sequence[Edit]) -> bytes:
    """The text with the edits made; they do not overlap."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        parts += [text[place : edit.start], edit.text]
        place = edit.end
    return b"".join([*parts, text[place:]])


def statements(text: bytes) -> list[str]:
    """The statements of a script, each ended by a semicolon. Raises UnicodeDecodeError."""
    ends = [t for t in tokens(text) if t.depth == 0 and text[t.start : t.end] == b";"]
    starts = [0, *(token.end for token in ends)]
    stops = [*(token.start for token in ends), len(text)]
    parts = [text[a:b] for a, b in zip(starts, stops, strict=True)]
    return [part.decode("utf-8").strip() for part in parts if tokens(part)]
