"""Where a Secret leads: parsed strictly, so that it can name servers and nothing else. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from setpoint.trust import secrets

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")
_SENTINEL_PORT = "26379"
_MOST_SENTINELS = 9


@dataclass(frozen=True)
class RedisTarget:
    """One server, as one user. `ca` is a PEM text, empty for the system's authorities.

    `server_name` is the name that the certificate must be for, empty for `host`. With `sentinels`
    the primary of `master_name` is asked of them, and host and port stand for the first of them.
    """

    host: str
    port: int
    username: str
    password: str
    tls: bool
    ca: str = ""
    server_name: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    master_name: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""

    @property
    def name(self) -> str:
        """host:port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def at(self, host: str, port: int) -> "RedisTarget":
        """Another server of the same cache. One that is announced by its address must have a
        certificate for the name that the Secret has."""
        named = self.server_name or self.host
        return replace(
            self,
            host=host,
            port=port,
            server_name=named if _is_address(host) else "",
            sentinels=(),
        )

    def sentinel(self, host: str, port: int) -> "RedisTarget":
        """One of the sentinels, with their own user."""
        return replace(
            self.at(host, port),
            username=self.sentinel_username,
            password=self.sentinel_password,
        )


def from_secret(name: str, data: Mapping[str, str]) -> RedisTarget:
    """From the key url, or from host, port, username, password, tls; ca.crt with both.

    With the keys sentinels and master-name, Sentinel is asked. Raises Failure(SECRET_INVALID),
    naming the key and never a value.
    """
    ca = data.get("ca.crt", "").strip()
    if "url" in data:
        return _from_url(name, data["url"].strip(), ca)
    sentinels = _sentinels(name, data.get("sentinels", ""))
    host, port = data.get("host", "").strip(), data.get("port", "").strip()
    if sentinels:
        host, port = sentinels[0][0], str(sentinels[0][1])
    target = with_credentials(name, data, _host(name, host), secrets.port(name, port or "6379"))
    if not sentinels:
        return target
    return replace(
        target,
        sentinels=sentinels,
        master_name=secrets.value(data, name, "master-name"),
        sentinel_username=data.get("sentinel-username", "").strip(),
        sentinel_password=data.get("sentinel-password", "").strip(),
    )


def with_credentials(
    name: str, data: Mapping[str, str], host: str, port: int, *, tls: bool | None = None
) -> RedisTarget:
    """A server whose place is known, with the Secret's user. `tls` None: as the Secret says."""
    ca, said = data.get("ca.crt", "").strip(), data.get("tls", "").strip().lower()
    if said not in (*_TRUE, *_FALSE):
        raise secrets.invalid(name, "has a key tls that is neither true nor false")
    return RedisTarget(
        host=host,
        port=port,
        username=data.get("username", "").strip(),
        password=data.get("password", "").strip(),
        tls=(said in _TRUE or (not said and bool(ca))) if tls is None else tls,
        ca=ca,
    )


def _from_url(name: str, url: str, ca: str) -> RedisTarget:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise secrets.invalid(name, "holds a url that is not one") from None
    if parts.scheme not in ("redis", "rediss"):
        raise secrets.invalid(name, "holds a url that begins with neither redis:// nor rediss://")
    if parts.query or parts.fragment:
        raise secrets.invalid(name, "holds a url with parameters; it may have none")
    return RedisTarget(
        host=_host(name, unquote(parts.hostname or "")),
        port=6379 if port is None else port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "rediss",
        ca=ca,
    )


def _sentinels(name: str, text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not part.strip():
            continue
        if not host:
            host, port = part.strip(), _SENTINEL_PORT
        found.append((_host(name, host.strip("[]")), secrets.port(name, port)))
    if len(found) > _MOST_SENTINELS:
        raise secrets.invalid(name, f"names more than {_MOST_SENTINELS} sentinels")
    return tuple(found)


def _host(name: str, text: str) -> str:
    if not text or "/" in text or "," in text or any(c.isspace() or c == "\0" for c in text):
        raise secrets.invalid(name, "must name one host: no socket path, no list")
    return text


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
