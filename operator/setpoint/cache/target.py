"""Where a Secret leads: parsed strictly, so that it can name a server and nothing else. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from setpoint.trust import secrets

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


@dataclass(frozen=True)
class RedisTarget:
    """One server, as one user. `ca` is a PEM text, empty for the system's authorities."""

    host: str
    port: int
    username: str
    password: str
    tls: bool
    ca: str = ""


def from_secret(name: str, data: Mapping[str, str]) -> RedisTarget:
    """From the key url, or from host, port, username, password, tls; ca.crt with both.

    Raises Failure(SECRET_INVALID), naming the key and never a value.
    """
    ca = data.get("ca.crt", "").strip()
    if "url" in data:
        return _from_url(name, data["url"].strip(), ca)
    values = {key: data.get(key, "").strip() for key in ("host", "port", "username", "tls")}
    if values["tls"].lower() not in (*_TRUE, *_FALSE):
        raise secrets.invalid(name, "has a key tls that is neither true nor false")
    tls = values["tls"].lower() in _TRUE or (not values["tls"] and bool(ca))
    return RedisTarget(
        host=_host(name, values["host"]),
        port=secrets.port(name, values["port"] or "6379"),
        username=values["username"],
        password=data.get("password", "").strip(),
        tls=tls,
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


def _host(name: str, text: str) -> str:
    if not text or "/" in text or "," in text or any(c.isspace() or c == "\0" for c in text):
        raise secrets.invalid(name, "must name one host: no socket path, no list")
    return text
