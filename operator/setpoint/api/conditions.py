"""Condition types and the one list of reasons, with what each means for the person on call."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Types of conditions (Reconciling and Stalled as kstatus reads them)."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    DRIFTED = "Drifted"
    FINDINGS_PRESENT = "FindingsPresent"
    SCALING_LIMITED = "ScalingLimited"
    ALERTS_UNDELIVERED = "AlertsUndelivered"


class ConditionStatus(StrEnum):
    """metav1.ConditionStatus."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Every reason that a condition or an Event of setpoint can carry."""

    # Ready is True
    IN_SYNC = "InSync"
    CHANGE_PENDING = "ChangePending"
    OBSERVED = "Observed"
    # Ready is Unknown or False, on the way
    PROGRESSING = "Progressing"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    SUSPENDED = "Suspended"
    # Only a human can help: Stalled
    INVALID_SPEC = "InvalidSpec"
    TARGET_CONFLICT = "TargetConflict"
    NOT_GRANTED = "NotGranted"
    HOST_REFUSED = "HostRefused"
    # Something outside must change: retried, Stalled when it lasts
    SECRET_NOT_FOUND = "SecretNotFound"
    SECRET_INVALID = "SecretInvalid"
    TARGET_NOT_FOUND = "TargetNotFound"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    ACCESS_DENIED = "AccessDenied"
    TLS_FAILED = "TLSFailed"
    QUOTA_EXCEEDED = "QuotaExceeded"
    UNSUPPORTED = "Unsupported"
    REJECTED = "Rejected"
    # Passing trouble: retried
    CONNECTION_FAILED = "ConnectionFailed"
    THROTTLED = "Throttled"
    TIMED_OUT = "TimedOut"
    BUSY = "Busy"
    INTERNAL_ERROR = "InternalError"
    # Drifted, FindingsPresent
    DRIFT_DETECTED = "DriftDetected"
    NO_DRIFT = "NoDrift"
    CRITICAL_FINDINGS = "CriticalFindings"
    WARNING_FINDINGS = "WarningFindings"
    INFO_FINDINGS = "InfoFindings"
    NO_FINDINGS = "NoFindings"
    # ScalingLimited
    AT_MAXIMUM = "AtMaximum"
    NOT_LIMITED = "NotLimited"
    # AlertsUndelivered
    DELIVERY_REFUSED = "DeliveryRefused"
    # Events only
    ACTION_DONE = "ActionDone"
    REVERTED = "Reverted"
    REVERT_ABANDONED = "RevertAbandoned"
