"""Many small commands over one connection, in one write, packed by hand.

redis-py packs and reads each command of a pipeline by itself, at 6 µs a key; that, not the server,
bounds a sweep. The connection is redis-py's: its TLS, its log-in, its one socket.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from setpoint.cache.connect import Client

ANSWER_SECONDS = 10.0
"""An answer that takes longer is given up."""

_READ_BYTES = 1 << 16
_PENDING = object()
_ASKING = b"*1\r\n$6\r\nASKING\r\n"


def pack(*words: bytes | str | int) -> bytes:
    """A command as the protocol has it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


def pack_expire(key: bytes, seconds: int) -> bytes:
    """EXPIRE key seconds NX."""
    ttl = b"%d" % seconds
    return b"*4\r\n$6\r\nEXPIRE\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n$2\r\nNX\r\n" % (
        len(key), key, len(ttl), ttl,
    )  # fmt: skip


def _is_moved(answer: Any) -> bool:
    return isinstance(answer, ResponseError) and str(answer).startswith("MOVED")


class Wire:
    """One connection for the time being."""

    def __init__(self, connection: Any) -> None:
        # redis-py has no way to read many answers at once.
        self._stream, self._writer = connection._reader, connection._writer  # noqa: SLF001
        self._answers = hiredis.Reader(replyError=ResponseError, notEnoughData=_PENDING)

    async def ask(
        self, commands: Sequence[bytes], seconds: float = ANSWER_SECONDS, each: int = 1
    ) -> list[Any]:
        """The answers, in order, `each` of them to a command; an error of the server is a
        ResponseError among them.

        Raises redis.ConnectionError or redis.TimeoutError; the connection is then of no use.
        """
        try:
            async with asyncio.timeout(seconds):
                self._writer.write(b"".join(commands))
                await self._writer.drain()
                return [await self._next() for _ in range(each * len(commands))]
        except TimeoutError:
            raise RedisTimeoutError("timeout") from None
        except OSError as error:
            raise RedisConnectionError("connection lost") from error

    async def of_keys(
        self, commands: Sequence[bytes], seconds: float = ANSWER_SECONDS
    ) -> list[Any]:
        """The same for commands about keys that this server has: also those of a slot that is
        still on its way here, of which it says that they are elsewhere unless told that we know.
        """
        answers = await self.ask(commands, seconds)
        moving = [number for number, answer in enumerate(answers) if _is_moved(answer)]
        if moving:
            again = await self.ask([_ASKING + commands[number] for number in moving], seconds, 2)
            for number, answer in zip(moving, again[1::2], strict=True):
                answers[number] = answer
        return answers

    async def one(self, *words: bytes | str | int) -> Any:
        """The answer to one command. Raises redis.RedisError."""
        [answer] = await self.ask([pack(*words)])
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def _next(self) -> Any:
        while (answer := self._answers.gets()) is _PENDING:
            data = await self._stream.read(_READ_BYTES)
            if not data:
                raise RedisConnectionError("connection lost")
            self._answers.feed(data)
        return answer


@contextlib.asynccontextmanager
async def wire(client: Client) -> AsyncIterator[Wire]:
    """The client's connection to write to by hand; the client itself must wait meanwhile.

    One that was left in mid-answer is closed: what comes next would be taken for other answers.
    """
    pool = client.connection_pool
    connection = await pool.get_connection()
    try:
        yield Wire(connection)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)
