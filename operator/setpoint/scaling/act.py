"""Carries out one action: one call to Application Auto Scaling or CloudWatch."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.engine.failure import Failure
from setpoint.scaling.model import Memory

_SETTLE_SECONDS = (0.1, 0.2, 0.4, 0.8)


async def act(
    gateway: AWSGateway, scope: Scope, payload: Mapping[str, Any], memory: Memory, clock: float
) -> Memory:
    """One call. Raises Failure. `clock`: the reader's, before the call.

    Returns the memory of what was written, so that the next look reads it anew.
    """
    parameters = dict(payload["parameters"])
    if (policy := payload.get("action_of")) and not parameters["AlarmActions"]:
        parameters["AlarmActions"] = [_arn_of(policy, memory)]
    answer = await _call(gateway, scope, payload["service"], payload["operation"], parameters)
    written = {**memory.written, **dict.fromkeys(payload["parts"], clock)}
    changed = replace(memory, written=written)
    if name := payload.get("policy"):
        arns = {**memory.arns, name: str(answer.get("PolicyARN", ""))}
        repairs = dict(memory.repairs)
        if payload.get("repair"):
            repairs[name] = repairs.get(name, 0) + 1
        changed = replace(changed, arns=arns, repairs=repairs)
    return changed


def _arn_of(policy: str, memory: Memory) -> str:
    arn = memory.arns.get(policy)
    if not arn:
        raise Failure(
            Reason.BUSY, f"the ARN of policy {policy} is not known yet: its alarm is made later"
        )
    return arn


async def _call(
    gateway: AWSGateway, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Registration is eventually consistent: a policy may meet ObjectNotFoundException for a moment
    after it (API reference, RegisterScalableTarget), so that is waited for, briefly. What is to be
    deleted and is gone already is done."""
    for delay in (*_SETTLE_SECONDS, None):
        try:
            return await gateway.call(scope, service, operation, **parameters)
        except Failure as failure:
            if failure.reason is not Reason.TARGET_NOT_FOUND:
                raise
            if operation.startswith(("delete", "deregister")):
                return {}
            if delay is None:
                raise
            await asyncio.sleep(delay)
    raise AssertionError("unreachable")
