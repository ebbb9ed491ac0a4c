"""What an error of Postgres or libpq means. Pure; the server's text is looked at, never passed on.

Codes: PostgreSQL's documentation, appendix A. libpq gives no code for a connection that fails, so
its English text decides; a server that speaks another language gives CONNECTION_FAILED instead.
"""

import re

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure

_BY_STATE = {
    "28P01": Reason.AUTHENTICATION_FAILED,
    "28000": Reason.AUTHENTICATION_FAILED,
    "3D000": Reason.TARGET_NOT_FOUND,
    "42501": Reason.ACCESS_DENIED,
    "53100": Reason.REJECTED,
    "53200": Reason.BUSY,
    "53300": Reason.BUSY,
    "57P03": Reason.BUSY,
    "57014": Reason.TIMED_OUT,
    "55P03": Reason.TIMED_OUT,
    "25P03": Reason.TIMED_OUT,
    "40001": Reason.BUSY,
}
_CLASSES = {"08": Reason.CONNECTION_FAILED, "57": Reason.CONNECTION_FAILED, "53": Reason.BUSY}
_BY_TEXT = (
    ("password authentication failed", Reason.AUTHENTICATION_FAILED),
    ("no password supplied", Reason.AUTHENTICATION_FAILED),
    ("no pg_hba.conf entry", Reason.AUTHENTICATION_FAILED),
    ("role '' does not exist", Reason.AUTHENTICATION_FAILED),
    ("too many clients", Reason.BUSY),
    ("too many connections", Reason.BUSY),
    ("remaining connection slots", Reason.BUSY),
    ("the database system is", Reason.BUSY),
    ("unsupported startup parameter", Reason.UNSUPPORTED),
    ("database '' does not exist", Reason.TARGET_NOT_FOUND),
    ("certificate", Reason.TLS_FAILED),
    ("does not support ssl", Reason.TLS_FAILED),
    ("ssl error", Reason.TLS_FAILED),
    ("permission denied", Reason.ACCESS_DENIED),
    ("timeout", Reason.TIMED_OUT),
    ("timed out", Reason.TIMED_OUT),
)
_PREFIX = re.compile(r'connection to server at "[^"]*"( \([^)]*\))?, port \d+ failed: ')
_QUOTED = re.compile(r'".*"')  # greedy: the server does not escape a quote inside a name
_SENTENCES = {
    Reason.AUTHENTICATION_FAILED: "Postgres does not accept the user or the password of the "
    "Secret: check both, and the server's pg_hba.conf",
    Reason.TARGET_NOT_FOUND: "the database does not exist on the Postgres server: check its name",
    Reason.ACCESS_DENIED: "the Postgres role may not read what is needed: grant it pg_monitor and "
    "CONNECT on the database",
    Reason.BUSY: "Postgres takes no connection right now: it starts, stops, or has no slot left",
    Reason.TIMED_OUT: "Postgres did not answer in time",
    Reason.TLS_FAILED: "TLS to Postgres failed: the certificate must be issued for the host by the "
    "authority in ca.crt of the Secret",
    Reason.UNSUPPORTED: "a connection pooler refuses the settings that make setpoint's session "
    "safe: name the Postgres server itself in the Secret, not the pooler",
    Reason.CONNECTION_FAILED: "Postgres could not be reached, or the connection was lost",
    Reason.INTERNAL_ERROR: "Postgres refused a statement of setpoint (SQLSTATE {state})",
}


_OF_STATE = {
    "53100": "the disk of the Postgres server is full: make room, or it will stop",
    "53200": "the Postgres server has no memory left for a statement: lower its memory settings or "
    "the number of its sessions, or its max_locks_per_transaction is too low for its sequences",
}


def classify(sqlstate: str | None, text: str) -> Failure:
    """The Failure for an error."""
    if sqlstate in _OF_STATE:
        return Failure(_BY_STATE[sqlstate], _OF_STATE[sqlstate])
    reason = _reason(sqlstate, text.lower())
    return Failure(reason, _SENTENCES[reason].format(state=sqlstate or "none"))


def _reason(sqlstate: str | None, text: str) -> Reason:
    if sqlstate is not None:
        if sqlstate in _BY_STATE:
            return _BY_STATE[sqlstate]
        return _CLASSES.get(sqlstate[:2], Reason.INTERNAL_ERROR)
    said = _said(text)
    return next((reason for part, reason in _BY_TEXT if part in said), Reason.CONNECTION_FAILED)


def _said(text: str) -> str:
    """Without names, which users choose: a host may be called certificate, a role timeout."""
    return _QUOTED.sub("''", _PREFIX.sub("", text))
