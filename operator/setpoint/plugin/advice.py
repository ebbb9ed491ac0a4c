"""What each reason means, and what to do, in a sentence. docs/troubleshooting.md says more."""

from collections.abc import Mapping

from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy

OF_REASON: Mapping[Reason, str] = {
    Reason.IN_SYNC: "Nothing is to be done.",
    Reason.CHANGE_PENDING: "What may be done now is done; the rest waits.",
    Reason.OBSERVED: "This mode looks and changes nothing.",
    Reason.PROGRESSING: "Work is under way; wait a moment.",
    Reason.PROGRESSING_WITH_RETRY: "An attempt failed; the next one comes by itself.",
    Reason.SUSPENDED: "Set spec.suspend to false to have it reconciled.",
    Reason.INVALID_SPEC: "Correct the fields that the message names.",
    Reason.TARGET_CONFLICT: "Two manage the same target: let only one of them do it.",
    Reason.NOT_GRANTED: "Whoever runs the operator must grant this namespace the role, region and "
    "resource in the operator's configuration.",
    Reason.HOST_REFUSED: "The host's address is not allowed: see networks in the operator's "
    "configuration, or check DNS.",
    Reason.SECRET_NOT_FOUND: "Create the Secret in this namespace.",
    Reason.SECRET_INVALID: "Correct the key of the Secret that the message names.",
    Reason.TARGET_NOT_FOUND: "Check name, region and account; it is looked for again.",
    Reason.AUTHENTICATION_FAILED: "Check user and password in the Secret, or the AWS credentials.",
    Reason.ACCESS_DENIED: "Give the role, user or identity the right that the message names.",
    Reason.TLS_FAILED: "The server's certificate must be for this host, and by the authority in "
    "ca.crt of the Secret.",
    Reason.QUOTA_EXCEEDED: "Raise the quota, or wait for capacity; it is tried again.",
    Reason.UNSUPPORTED: "The server cannot do it: it is too old, or a service or proxy that takes "
    "commands away.",
    Reason.REJECTED: "The target refuses the values: compare them with what it can be.",
    Reason.CONNECTION_FAILED: "Check the network if it lasts.",
    Reason.THROTTLED: "AWS throttles; the next tries come ever more slowly.",
    Reason.TIMED_OUT: "Check whether the target is overloaded if it lasts.",
    Reason.BUSY: "The target takes no change right now; it is tried again.",
    Reason.INTERNAL_ERROR: "See the operator's log, and report it.",
    Reason.DRIFT_DETECTED: "The real system differs from the spec, and this mode leaves it so.",
    Reason.NO_DRIFT: "The real system is as the spec says.",
    Reason.CRITICAL_FINDINGS: "See the findings.",
    Reason.WARNING_FINDINGS: "See the findings.",
    Reason.INFO_FINDINGS: "See the findings.",
    Reason.NO_FINDINGS: "Nothing was found.",
    Reason.AT_MAXIMUM: "Raise capacity.max, or find out why the load is so high.",
    Reason.NOT_LIMITED: "There is room to scale.",
    Reason.DELIVERY_REFUSED: "Mend the channel, the token, or the app's membership; the message is "
    "kept, and tried again.",
    Reason.ACTION_DONE: "It was carried out.",
    Reason.REVERTED: "What was changed was put back.",
    Reason.REVERT_ABANDONED: "Put back by hand what the Event names.",
}

OF_BLOCK: Mapping[BlockedBy, str] = {
    BlockedBy.MODE: "spec.mode is Observe, which changes nothing",
    BlockedBy.APPROVAL: "it needs your approval",
    BlockedBy.WINDOW: "a maintenance window must open first",
    BlockedBy.STATE: "the target cannot take it right now",
    BlockedBy.BUDGET: "the day's budget of modifications is used up",
}
