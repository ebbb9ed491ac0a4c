"""Who calls, what their policies give to them, and what explicit denials take away again."""

import time
from collections.abc import Sequence
from fnmatch import fnmatchcase

from stack.aws import rights
from stack.aws.rights import Need
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
    refused = denied(world, call, f"{call.service}:{call.operation}", rights.needs(call))
    if refused is None:
        return
    if call.protocol == "json" and call.service != "cloudwatch":
        raise AWSError("AccessDeniedException", refused)
    raise AWSError("AccessDenied", refused, 403)


def denied(
    world: World, call: Call, action: str, needs: Sequence[Need] | None = None
) -> str | None:
    """AWS's sentence if the caller may not do `action` on what the call names, else None.

    `needs` are those of a call; without them, `action` is what another service asks for.
    """
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
    if needs is None:
        needs = [Need(action, arn) for arn in rights.resources(call, action)]
    return _not_allowed(world, call, needs)


def _not_allowed(world: World, call: Call, needs: Sequence[Need]) -> str | None:
    """Callers without any policy may do everything."""
    policy = next(
        (p for p in world.policies if fnmatchcase(call.role or call.access_key, p.principal)), None
    )
    if policy is None:
        return None
    lacking = [need for need in needs if not policy.allows(need)]
    if not lacking:
        return None
    return (
        f"User: {caller_arn(world, call)} is not authorized to perform: {lacking[0].action} on "
        f"resource: {lacking[0].resource} because no identity-based policy allows the "
        f"{lacking[0].action} action"
    )
