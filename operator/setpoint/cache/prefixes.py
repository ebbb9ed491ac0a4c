"""What the names of keys have in common. Pure."""

import re

_SEPARATOR = re.compile(rb"[:/|#]")
_IDENTIFIER = re.compile(rb"[0-9]+|[0-9a-fA-F\-]{16,}")


def prefix(key: bytes) -> bytes:
    """The key's name up to its first part that looks like an identifier: `user:17:cart` is of
    `user:*`, and `page:home` of `page:*`."""
    parts = _SEPARATOR.split(key)
    if len(parts) == 1:
        return b"*"
    kept = []
    for part in parts[:-1][:3]:
        if _IDENTIFIER.fullmatch(part.strip(b"{}")) or not part.isascii():
            break
        kept.append(part)
    return b":".join([*kept, b"*"])
