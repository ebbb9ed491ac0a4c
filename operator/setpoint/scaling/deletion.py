"""The action that deletes a part of a setup. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.plan import PlanOp, Risk
from setpoint.engine.model import Action


def delete(
    name: str, kind: str, reason: str, operation: str, parameters: Mapping[str, Any]
) -> Action:
    """`kind` is alarm, policy or schedule; `operation` the call, by boto3's name."""
    is_alarm = kind == "alarm"
    return Action(
        op=PlanOp.DELETE,
        object=f"{kind}/{name}",
        field="",
        from_=name,
        to="",
        reason=reason,
        risk=Risk.MEDIUM,
        payload={
            "parts": ["policies" if kind == "policy" else f"{kind}s"],
            "service": "cloudwatch" if is_alarm else "application-autoscaling",
            "operation": operation,
            "parameters": dict(parameters),
        },
    )
