"""Everything that can go wrong with a resource, as one exception with a reason and our words."""

from collections.abc import Awaitable
from enum import Enum
from typing import TypeVar

from setpoint.api.conditions import Reason

T = TypeVar("T")


class Help(Enum):
    """Who can help, which decides how a failure is retried and shown."""

    TIME = "time"  # passes by itself: retried with backoff
    OUTSIDE = "outside"  # something outside must change: retried, Stalled when it lasts
    SPEC = "spec"  # the resource must change: Stalled at once, retried slowly


_HELP = {
    Reason.INVALID_SPEC: Help.SPEC,
    Reason.TARGET_CONFLICT: Help.SPEC,
    Reason.NOT_GRANTED: Help.SPEC,
    Reason.HOST_REFUSED: Help.SPEC,
    Reason.SECRET_NOT_FOUND: Help.OUTSIDE,
    Reason.SECRET_INVALID: Help.OUTSIDE,
    Reason.TARGET_NOT_FOUND: Help.OUTSIDE,
    Reason.AUTHENTICATION_FAILED: Help.OUTSIDE,
    Reason.ACCESS_DENIED: Help.OUTSIDE,
    Reason.TLS_FAILED: Help.OUTSIDE,
    Reason.QUOTA_EXCEEDED: Help.OUTSIDE,
    Reason.UNSUPPORTED: Help.OUTSIDE,
    Reason.REJECTED: Help.OUTSIDE,
    Reason.CONNECTION_FAILED: Help.TIME,
    Reason.THROTTLED: Help.TIME,
    Reason.TIMED_OUT: Help.TIME,
    Reason.BUSY: Help.TIME,
    Reason.INTERNAL_ERROR: Help.TIME,
}


class Failure(Exception):  # noqa: N818 - it is what failed, and is kept and shown as a value too
    """Something a resource needs did not work.

    `message` is in our own words: what is wrong and what to do next. It never carries another
    system's error text, which may hold secrets or be made by an attacker; an error code may stand
    in it. It must not hold numbers that move, or each retry would write status.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def help(self) -> Help:
        """Who can help."""
        return _HELP[self.reason]


def unexpected(error: Exception) -> Failure:
    """What becomes of an error of our own; the reconciler logs it with its traceback."""
    failure = Failure(
        Reason.INTERNAL_ERROR,
        f"setpoint failed unexpectedly ({type(error).__name__}): the operator's log has the "
        "details; please report it",
    )
    failure.__cause__ = error
    return failure


async def caught(part: Awaitable[T]) -> T | Failure:
    """Whatever goes wrong as a value, so that one part of a look does not cancel the other."""
    try:
        return await part
    except Failure as failure:
        return failure
    except Exception as error:  # noqa: BLE001 - our own; the other part has none of it
        return unexpected(error)
