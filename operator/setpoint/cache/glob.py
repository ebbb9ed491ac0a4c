"""Redis' glob patterns on bytes: * ? [abc] [a-z] [^a] and backslash (stringmatchlen). Pure."""

import re
from collections.abc import Callable, Sequence


def compile_pattern(pattern: str) -> "re.Pattern[bytes]":
    """A pattern as a regular expression that matches whole keys."""
    source = pattern.encode()
    out, position = [], 0
    while position < len(source):
        piece, position = _piece(source, position)
        out.append(piece)
    return re.compile(b"".join(out), re.DOTALL)


def matcher(include: Sequence[str], exclude: Sequence[str]) -> Callable[[bytes], bool]:
    """Whether a key is included and not excluded."""
    wanted = [compile_pattern(pattern) for pattern in include]
    unwanted = [compile_pattern(pattern) for pattern in exclude]

    def matches(key: bytes) -> bool:
        return any(p.fullmatch(key) for p in wanted) and not any(p.fullmatch(key) for p in unwanted)

    return matches


def _piece(source: bytes, position: int) -> tuple[bytes, int]:
    """The regular expression of what stands at `position`, and where it ends."""
    char = source[position : position + 1]
    if char == b"*":
        return b".*", position + 1
    if char == b"?":
        return b".", position + 1
    if char == b"[":
        return _class(source, position + 1)
    if char == b"\\" and position + 1 < len(source):
        return re.escape(source[position + 1 : position + 2]), position + 2
    return re.escape(char), position + 1


def _class(source: bytes, position: int) -> tuple[bytes, int]:
    """A character class from behind its bracket; one that is not closed ends with the pattern."""
    negated = source[position : position + 1] == b"^"
    position += negated
    parts: list[bytes] = []
    while position < len(source) and source[position : position + 1] != b"]":
        low, position = _member(source, position)
        if source[position : position + 1] == b"-" and position + 1 < len(source):
            high, position = _member(source, position + 1)
            low, high = min(low, high), max(low, high)
            parts.append(re.escape(low) + b"-" + re.escape(high))
        else:
            parts.append(re.escape(low))
    position = min(position + 1, len(source))
    if not parts:
        return (b"." if negated else b"(?!)"), position
    return b"[" + (b"^" if negated else b"") + b"".join(parts) + b"]", position


def _member(source: bytes, position: int) -> tuple[bytes, int]:
    if source[position : position + 1] == b"\\" and position + 1 < len(source):
        position += 1
    return source[position : position + 1], position + 1
