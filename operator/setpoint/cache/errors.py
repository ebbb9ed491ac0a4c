"""What an error of Redis means, as a pure function of its text, which is never passed on.

The texts differ between 6.2, 7.0 and 8.2; what is looked for is common to all.
"""

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure

_BY_TEXT = (
    ("wrongpass", Reason.AUTHENTICATION_FAILED),
    ("noauth", Reason.AUTHENTICATION_FAILED),
    ("invalid username-password", Reason.AUTHENTICATION_FAILED),
    ("authentication required", Reason.AUTHENTICATION_FAILED),
    ("without any password configured", Reason.AUTHENTICATION_FAILED),
    ("protected mode", Reason.AUTHENTICATION_FAILED),
    ("noperm", Reason.ACCESS_DENIED),
    ("no permissions", Reason.ACCESS_DENIED),
    ("unknown command", Reason.UNSUPPORTED),
    ("loading", Reason.BUSY),
    ("masterdown", Reason.BUSY),
    ("busy", Reason.BUSY),
    ("max number of clients", Reason.BUSY),
    ("tryagain", Reason.BUSY),
    ("clusterdown", Reason.BUSY),
    ("readonly", Reason.REJECTED),
    ("noreplicas", Reason.BUSY),
    ("movederror", Reason.BUSY),
    ("askerror", Reason.BUSY),
    ("crossslot", Reason.UNSUPPORTED),
    ("oom", Reason.REJECTED),
    ("outofmemory", Reason.REJECTED),
    ("used memory >", Reason.REJECTED),
    ("misconf", Reason.REJECTED),
    ("persist on disk", Reason.REJECTED),
    ("certificate", Reason.TLS_FAILED),
    ("ssl", Reason.TLS_FAILED),
    ("timeout", Reason.TIMED_OUT),
    ("timed out", Reason.TIMED_OUT),
)
_SENTENCES = {
    Reason.AUTHENTICATION_FAILED: "Redis does not accept the user or the password of the Secret",
    Reason.ACCESS_DENIED: "Redis does not allow {command} to this user: "
    "ACL SETUSER with +{command} allows it",
    Reason.UNSUPPORTED: "this Redis does not know {command}: a managed service or a proxy may "
    "have taken it away",
    Reason.BUSY: "Redis is not ready to answer: it loads its data, runs a script, moves slots of "
    "its cluster, has no primary, or has too many clients",
    Reason.REJECTED: "Redis refuses {command}: it is a replica (the Secret must name the primary), "
    "out of memory, or cannot save its data",
    Reason.TLS_FAILED: "TLS to Redis failed: the certificate must be issued for the host by the "
    "authority in ca.crt of the Secret",
    Reason.TIMED_OUT: "Redis did not answer in time",
    Reason.CONNECTION_FAILED: "Redis could not be reached, or the connection was lost",
    Reason.INTERNAL_ERROR: "Redis answered {command} with an error that setpoint does not know",
}


def classify(command: str, text: str, *, answered: bool) -> Failure:
    """The Failure for an error. `answered`: Redis itself said it, not the network."""
    lowered = text.lower()
    fallback = Reason.INTERNAL_ERROR if answered else Reason.CONNECTION_FAILED
    reason = next((reason for part, reason in _BY_TEXT if part in lowered), fallback)
    return Failure(reason, _SENTENCES[reason].format(command=command))
