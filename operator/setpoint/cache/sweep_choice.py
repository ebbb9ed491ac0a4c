"""Which keys a sweep may give a TTL: included, of a wanted type, none that must stay. Pure."""

import functools
import re
from collections.abc import Sequence

from setpoint.api.cachetuning import DefaultTTL, KeyType
from setpoint.cache.glob import matcher
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey, layout_of

_WILD = re.compile(r"[*?\[\\]")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_HASH = re.compile(rb"[0-9a-f]{8,}")
_KEEPS_TIME = re.compile(rb"(?:^|:)redisson__")
"""When the entries of a Redisson map expire: it removes them itself."""


def prefix_of(key: bytes) -> bytes:
    """The name up to its first colon, at most 64 bytes; empty without one."""
    head, colon, _ = key.partition(b":")
    return head[:64] if colon else b""


class Choice:
    """Judges keys by the settings of a sweep, and by what a look through all keys has learnt."""

    def __init__(self, settings: DefaultTTL, kin: Kin) -> None:
        self._matches = matcher(settings.include, settings.exclude)
        self._takes_all = list(settings.include) == ["*"] and not settings.exclude
        self._heads = [head for text in settings.include if (head := _WILD.split(text, 1)[0])]
        self._kin = kin
        self.kinds: tuple[str, ...] = tuple(str(kind) for kind in settings.types)
        self.takes_any_type = set(settings.types) == set(KeyType)

    def included(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those that the patterns take."""
        return list(keys) if self._takes_all else [key for key in keys if self._matches(key)]

    def is_protected(self, key: bytes, kind: str) -> bool:
        """Whether it belongs to a layout that must stay, and include does not name that layout."""
        layout = _layout_of(_shape(key), kind)
        if layout is not None:
            return not any(
                key.startswith(head.encode()) and _names(head, kind, layout) for head in self._heads
            )
        if _KEEPS_TIME.search(key):
            return True
        beside = self._kin.beside(SampledKey(key, kind))
        return beside is not None and not any(
            key.startswith(head.encode())
            and self._kin.beside(SampledKey(head.encode() + b"x", kind)) == beside
            for head in self._heads
        )


def _shape(key: bytes) -> bytes:
    """Keys that differ in digits, or in a hash, are judged alike: the patterns are slow."""
    return _HASH.sub(lambda found: b"0" * len(found[0]), key.translate(_DIGITS))


@functools.lru_cache(maxsize=8192)
def _layout_of(key: bytes, kind: str) -> str | None:
    layout = layout_of(key, kind)
    return None if layout is None else layout.name


@functools.lru_cache(maxsize=1024)
def _names(head: str, kind: str, layout: str) -> bool:
    """Whether what a pattern writes out, before its first wildcard, is of that layout itself."""
    return any(_layout_of(name.encode(), kind) == layout for name in (head, head + "x"))
