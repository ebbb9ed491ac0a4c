"""What type a key is, without a keyspace hit where that can be had.

Measured on 6.2.14, 7.0.15 and 8.2.3: TYPE, OBJECT, PTTL and DUMP each count a hit on all of them.
SCAN … TYPE counts one for each key it looks at on 6.2 and 7.0, and none on 8.2. Writes count none:
SETRANGE of nothing, and HDEL of a field that is not there, change nothing (no dirty counter, no
replication) and tell a string, or a hash, from all others, which answer with a WRONGTYPE error.
Errors show in the server's statistics too, so only what is expected of a key by its prefix is
tried; where that was wrong, TYPE is asked, and its hit is counted to be subtracted.
"""

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from setpoint.cache.sweep_choice import prefix_of
from setpoint.cache.sweep_wire import Wire

SCAN_TYPE_IS_FREE_SINCE = (8, 0)

_MAX_PREFIXES = 4096


def _packed(before: bytes, after: bytes) -> Callable[[bytes], bytes]:
    """Packs a command of which only the key differs: general packing would cost 4 µs a key."""
    return lambda key: b"%b$%d\r\n%b\r\n%b" % (before, len(key), key, after)


_NO_FIELD = b"\0setpoint: no such field"
_TYPE = _packed(b"*2\r\n$4\r\nTYPE\r\n", b"")
_PROBES = {
    b"string": _packed(b"*4\r\n$8\r\nSETRANGE\r\n", b"$1\r\n0\r\n$0\r\n\r\n"),
    b"hash": _packed(b"*3\r\n$4\r\nHDEL\r\n", b"$%d\r\n%b\r\n" % (len(_NO_FIELD), _NO_FIELD)),
}
_STRING = b"string"


class TypeProbe:
    """Learns by prefix what to try. `hits` are those caused."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._expected: dict[bytes, bytes] = {}
        self._may_probe = True
        self.hits = 0

    async def types(self, keys: Sequence[bytes]) -> list[bytes]:
        """The type of each key, in Redis' own words; `none` where it is gone."""
        if not keys:
            return []
        expected = [self._expected.get(prefix_of(key), _STRING) for key in keys]
        answers = await self._wire.of_keys(
            [self._question(key, kind) for key, kind in zip(keys, expected, strict=True)]
        )
        found = [
            self._understood(answer, kind) for answer, kind in zip(answers, expected, strict=True)
        ]
        unknown = [key for key, kind in zip(keys, found, strict=True) if kind is None]
        asked = iter(await self._asked(unknown))
        types = [next(asked) if kind is None else kind for kind in found]
        self._learn(keys, types)
        return types

    def _question(self, key: bytes, expected: bytes) -> bytes:
        probe = _PROBES.get(expected) if self._may_probe else None
        return (probe or _TYPE)(key)

    def _understood(self, answer: Any, expected: bytes) -> bytes | None:
        """The type that an answer tells; None where only TYPE will."""
        if isinstance(answer, bytes | str):
            self.hits += answer not in (b"none", "none")
            return answer if isinstance(answer, bytes) else answer.encode()
        if not isinstance(answer, ResponseError):
            return expected
        text = str(answer)
        if text.startswith(("NOPERM", "MISCONF", "READONLY")) or "no permissions" in text:
            self._may_probe = False
        elif not text.startswith(("WRONGTYPE", "MOVED", "ASK", "TRYAGAIN", "OOM")):
            raise answer
        return None

    async def _asked(self, keys: Sequence[bytes]) -> list[bytes]:
        if not keys:
            return []
        answers = await self._wire.of_keys([_TYPE(key) for key in keys])
        self.hits += sum(1 for answer in answers if answer not in (b"none", "none"))
        return [
            b"none" if isinstance(a, ResponseError) else a if isinstance(a, bytes) else a.encode()
            for a in answers
        ]

    def _learn(self, keys: Sequence[bytes], types: Sequence[bytes]) -> None:
        if len(self._expected) > _MAX_PREFIXES:
            self._expected.clear()
        self._expected.update(
            (prefix_of(key), kind) for key, kind in zip(keys, types, strict=True) if kind != b"none"
        )
