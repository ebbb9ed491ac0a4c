"""STS: who am I, and roles."""

import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from stack.aws import iam
from stack.aws.state import Session, World
from stack.aws.wire import AWSError, Call

_ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/([\w+=,.@/-]+)")
_SECONDS = 3600


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    match call.operation:
        case "GetCallerIdentity":
            return {
                "UserId": call.access_key,
                "Account": call.account,
                "Arn": iam.caller_arn(world, call),
            }
        case "AssumeRole" | "AssumeRoleWithWebIdentity":
            return _assume(world, call)
    return None


def expire(world: World) -> None:
    """Every session is over, as if its time had passed."""
    for session in world.sessions.values():
        session.expires = 0.0


def _assume(world: World, call: Call) -> dict[str, Any]:
    role = call.params["RoleArn"]
    found = _ROLE.fullmatch(role)
    if found is None:
        raise AWSError("ValidationError", f"{role} is invalid")
    _check_trust(world, call)
    seconds = int(call.params.get("DurationSeconds") or _SECONDS)
    key = "ASIA" + secrets.token_hex(8).upper()
    session = Session(found[1], role, call.params["RoleSessionName"], time.time() + seconds)
    world.sessions[key] = session
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": secrets.token_urlsafe(60),
            "Expiration": datetime.fromtimestamp(session.expires, UTC),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROA{found[2].upper():X<17.17}:{session.name}",
            "Arn": f"arn:aws:sts::{found[1]}:assumed-role/{found[2]}/{session.name}",
        },
    }


def _check_trust(world: World, call: Call) -> None:
    """Raises AWSError: AccessDenied."""
    role, settings = call.params["RoleArn"], world.account(call).settings
    wanted = settings.external_ids.get(role)
    if role in settings.refused_roles or wanted not in (None, call.params.get("ExternalId")):
        raise AWSError(
            "AccessDenied",
            f"User: {iam.caller_arn(world, call)} is not authorized to perform: "
            f"sts:{call.operation} on resource: {role}",
            403,
        )
