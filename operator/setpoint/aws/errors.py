"""What an error of AWS means, as a pure function of its code and text.

Sources: botocore's models of the services, and the threads named in the comments. The text is only
looked at, never passed on: it may hold what its reader must not see.
"""

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
     "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "SlowDown",
     "PriorRequestNotComplete", "BandwidthLimitExceeded", "EC2ThrottledException",
     "ProvisionedThroughputExceededException"}
)  # fmt: skip
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized",
     "AuthorizationError", "OptInRequired", "FailedResourceAccessException",
     "KMSKeyNotAccessibleFault"}
)  # fmt: skip
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""Codes that say that credentials were good once."""

_CREDENTIALS = EXPIRED | frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException",
     "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature",
     "MissingAuthenticationToken", "MissingAuthenticationTokenException", "InvalidToken",
     "AuthFailure", "InvalidIdentityToken", "IDPRejectedClaim", "RequestInTheFuture",
     "RequestTimeTooSkewed"}
)  # fmt: skip
_NOT_FOUND = frozenset(
    {"DBInstanceNotFound", "DBInstanceNotFoundFault", "ClusterNotFoundException",
     "ServiceNotFoundException", "ServiceNotActiveException", "ObjectNotFoundException",
     "ResourceNotFoundException", "ResourceNotFound", "ReplicationGroupNotFoundFault",
     "CacheClusterNotFound", "CacheParameterGroupNotFound", "ServerlessCacheNotFoundFault"}
)  # fmt: skip
_QUOTA = frozenset(
    {"LimitExceededException", "InstanceQuotaExceeded", "StorageQuotaExceeded",
     "InsufficientDBInstanceCapacity", "ProvisionedIopsNotAvailableInAZFault",
     "InsufficientStorageClusterCapacity", "TenantDatabaseQuotaExceeded",
     "ServiceQuotaExceededException", "LimitExceeded", "LimitExceededFault"}
)  # fmt: skip
_BUSY = frozenset(
    {"ConcurrentUpdateException", "InvalidDBInstanceState", "InvalidDBInstanceStateFault",
     "InvalidDBClusterStateFault",
     "UpdateInProgressException", "ResourceConflict", "InvalidCacheParameterGroupState",
     "InvalidReplicationGroupState", "InvalidCacheClusterState"}
)  # fmt: skip
_SERVER = frozenset(
    {"InternalServiceException", "InternalFailure", "InternalServiceError", "ServerException",
     "ServiceUnavailable", "ServiceUnavailableException", "InternalServiceFault",
     "RequestTimeout", "RequestTimeoutException", "IDPCommunicationError",
     "InvalidNextToken", "InvalidNextTokenException"}  # a token that AWS has given and forgotten
)  # fmt: skip

# Application Auto Scaling asks CloudWatch for us, and wraps its throttling (aws-sdk-go#1472).
_THROTTLED_TEXTS = ("rate exceeded", "error code: throttling", "too many requests")
# It also checks the caller's rights on CloudWatch and ECS, and calls their lack invalid; likewise
# where the caller may not create its service-linked role, or the role cannot be used.
_DENIED_TEXTS = (
    "not authorized to perform", "access denied", "accessdenied", "unable to assume iam role",
    "service linked role", "service-linked role",
)  # fmt: skip
# It calls what it cannot scale because it is not there invalid too.
_NOT_FOUND_TEXTS = ("doesn't exist", "does not exist", "not found")
# RDS refuses a storage change soon after another one as a wrong combination of parameters.
_BUSY_TEXTS = ("currently modify the storage",)


def classify(call: str, code: str, text: str, status: int) -> Failure:
    """The Failure for an error answer of AWS; `call` names the call and what it was for."""
    reason = _reason(code, text, status)
    return Failure(reason, _SENTENCES[reason].format(call=call, code=_shown(code)))


def classify_assume(role: str, code: str, text: str, status: int) -> Failure:
    """The Failure for a refused AssumeRole: what must be changed is another policy."""
    found = classify(f"sts AssumeRole of {role}", code, text, status)
    if found.reason is not Reason.ACCESS_DENIED:
        return found
    return Failure(
        Reason.ACCESS_DENIED,
        f"AWS does not let the operator assume {role} ({_shown(code)}): the role's trust policy "
        "must name the operator's own identity (and the grant's ExternalId if it asks for one), "
        "and that identity must be allowed sts:AssumeRole",
    )


def _shown(code: str) -> str:
    return code[:64] if code.replace(".", "").isalnum() else "unknown"


def _reason(code: str, text: str, status: int) -> Reason:
    lowered = text.lower()

    def says(*phrases: str) -> bool:
        return any(phrase in lowered for phrase in phrases)

    if code in _THROTTLED or status == 429 or says(*_THROTTLED_TEXTS):
        return Reason.THROTTLED
    if code in _CREDENTIALS:
        return Reason.AUTHENTICATION_FAILED
    if code in _DENIED or says(*_DENIED_TEXTS):
        return Reason.ACCESS_DENIED
    if code in _NOT_FOUND or (code == "ValidationException" and says(*_NOT_FOUND_TEXTS)):
        return Reason.TARGET_NOT_FOUND
    if code in _QUOTA:
        return Reason.QUOTA_EXCEEDED
    if code in _BUSY or says(*_BUSY_TEXTS):
        return Reason.BUSY
    if code in _SERVER or status >= 500:
        return Reason.CONNECTION_FAILED
    return Reason.REJECTED


_SENTENCES = {
    Reason.THROTTLED: "AWS throttles {call} ({code}): it is tried again later",
    Reason.AUTHENTICATION_FAILED: "AWS does not accept the operator's credentials for {call} "
    "({code}): check its role and that the credentials have not expired",
    Reason.ACCESS_DENIED: "AWS denies {call} ({code}): the IAM policy of the role must allow it",
    Reason.TARGET_NOT_FOUND: "AWS does not know the target of {call} ({code}): check its name, "
    "region and account; it is looked for again",
    Reason.QUOTA_EXCEEDED: "AWS has no room for {call} ({code}): a quota or the capacity is used "
    "up",
    Reason.BUSY: "the target of {call} cannot be changed right now ({code}): it is tried again "
    "later",
    Reason.CONNECTION_FAILED: "AWS failed to answer {call} ({code}): it is tried again later",
    Reason.REJECTED: "AWS refuses {call} ({code}): the values of the spec do not fit its target",
}
