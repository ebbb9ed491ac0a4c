"""Secrets as a resource names them: by name, in its own namespace, decoded."""

from collections.abc import Mapping
from typing import Protocol

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure


class SecretReader(Protocol):
    """Reads one Secret by name; engine.kube has the real one."""

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        """Decoded data. Raises Failure: SECRET_NOT_FOUND, ACCESS_DENIED, CONNECTION_FAILED, or
        SECRET_INVALID for data that is not UTF-8."""
        ...


def value(data: Mapping[str, str], name: str, key: str) -> str:
    """One key of a Secret, without surrounding white space. Raises Failure(SECRET_INVALID)."""
    text = data.get(key, "").strip()
    if not text:
        raise Failure(Reason.SECRET_INVALID, f"Secret {name} has no key {key}, or it is empty")
    return text


def invalid(name: str, what: str) -> Failure:
    """The Failure for a Secret that cannot be used; `what` names a key and never a value."""
    return Failure(Reason.SECRET_INVALID, f"Secret {name} {what}")


def port(name: str, text: str) -> int:
    """A port number from a Secret. Raises Failure(SECRET_INVALID)."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise invalid(name, "has a port that is not a number from 1 to 65535")
    return int(text)
