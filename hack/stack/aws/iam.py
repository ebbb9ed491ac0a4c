"""Who calls, and what explicit denials take from them."""

import time
from fnmatch import fnmatchcase

from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_NAMED = ("ResourceId", "DBInstanceIdentifier", "RoleArn", "CacheParameterGroupName",
          "ReplicationGroupId", "ServerlessCacheName", "service", "cluster", "AlarmName",
          "ResourceARN")  # fmt: skip


def caller_arn(world: World, call: Call) -> str:
    """The ARN of the caller, as GetCallerIdentity has it."""
    session = world.sessions.get(call.access_key)
    if session is None:
        return f"arn:aws:iam::{call.account}:user/operator"
    role = session.role.rpartition("/")[2]
    return f"arn:aws:sts::{session.account}:assumed-role/{role}/{session.name}"


def check_session(world: World, call: Call) -> None:
    """Raises AWSError if the credentials have expired."""
    session = world.sessions.get(call.access_key)
    if session is not None and session.expires < time.time():
        code = "ExpiredTokenException" if call.protocol == "json" else "ExpiredToken"
        status = 400 if call.protocol == "json" else 403
        message = "The security token included in the request is expired"
        raise AWSError(code, message, status)


def check(world: World, call: Call) -> None:
    """Raises AWSError if the call itself is denied."""
    refused = denied(world, call, f"{call.service}:{call.operation}")
    if refused is None:
        return
    if call.protocol == "json" and call.service != "cloudwatch":
        raise AWSError("AccessDeniedException", refused)
    raise AWSError("AccessDenied", refused, 403)


def denied(world: World, call: Call, action: str) -> str | None:
    """AWS's sentence if the caller may not do `action` on what the call names, else None."""
    resource = next((str(call.params[n]) for n in _NAMED if call.params.get(n)), "*")
    for denial in world.account(call).denials:
        if (
            fnmatchcase(action, denial.action)
            and fnmatchcase(resource, denial.resource)
            and fnmatchcase(call.role or "", denial.role)
        ):
            return (
                f"User: {caller_arn(world, call)} is not authorized to perform: {action} on "
                f"resource: {resource} with an explicit deny in an identity-based policy"
            )
    return None
