"""Where a Secret leads: parsed strictly, so that it can name a server and nothing else. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from setpoint.trust import secrets

SSL_MODES = ("verify-full", "verify-ca", "require", "prefer", "allow", "disable")
_KEYS = ("host", "port", "user", "password", "dbname", "sslmode")
_URI_PARAMETERS = ("sslmode",)


@dataclass(frozen=True)
class PostgresTarget:
    """One server, as one user. `ca` is a PEM text, empty for the system's authorities."""

    host: str
    port: int
    user: str
    password: str
    dbname: str
    sslmode: str = "verify-full"
    ca: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether TLS proves that the server is the one that the host names."""
        return self.sslmode == "verify-full"


def from_secret(name: str, data: Mapping[str, str]) -> PostgresTarget:
    """From the key uri, or from host, port, user, password, dbname, sslmode; ca.crt with both.

    Raises Failure(SECRET_INVALID), naming the key and never a value.
    """
    values = _from_uri(name, data["uri"]) if "uri" in data else {k: data.get(k, "") for k in _KEYS}
    values = {key: value.strip() for key, value in values.items()}
    for key in ("host", "user", "dbname"):
        if not values.get(key):
            raise secrets.invalid(name, f"has no {key}")
    host = values["host"]
    if "/" in host or "," in host or "=" in host or any(c.isspace() for c in host):
        raise secrets.invalid(name, "must name one host: no socket path, no list")
    if any("\0" in value for value in values.values()):
        raise secrets.invalid(name, "holds a NUL character")
    sslmode = values.get("sslmode") or "verify-full"
    if sslmode not in SSL_MODES:
        raise secrets.invalid(name, "has an unknown sslmode: use verify-full")
    return PostgresTarget(
        host=host,
        port=secrets.port(name, values.get("port") or "5432"),
        user=values["user"],
        password=values.get("password", ""),
        dbname=values["dbname"],
        sslmode=sslmode,
        ca=data.get("ca.crt", "").strip(),
    )


def _from_uri(name: str, uri: str) -> dict[str, str]:
    try:
        parts = urlsplit(uri.strip())
        port = parts.port
    except ValueError:
        raise secrets.invalid(name, "holds a uri that is not one") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise secrets.invalid(name, "holds a uri that does not begin with postgresql://")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(parameters) - set(_URI_PARAMETERS)):
        allowed = ", ".join(_URI_PARAMETERS)
        shown = unknown[0] if unknown[0].isidentifier() else "a parameter"
        raise secrets.invalid(name, f"holds a uri with {shown[:40]}; it may only have {allowed}")
    return {
        "host": unquote(parts.hostname or ""),
        "port": "" if port is None else str(port),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.removeprefix("/")),
        "sslmode": parameters.get("sslmode", ""),
    }
