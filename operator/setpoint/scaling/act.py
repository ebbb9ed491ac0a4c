"""Carries out one action on Application Auto Scaling."""

import asyncio
from collections.abc import Mapping
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.engine.failure import Failure

_SETTLE_SECONDS = (0.1, 0.2, 0.4, 0.8)


async def act(gateway: AWSGateway, scope: Scope, payload: Mapping[str, Any]) -> None:
    """One call. Raises Failure.

    Registration is eventually consistent: a policy may meet ObjectNotFoundException for a moment
    after it (AWS's reference of RegisterScalableTarget), so that is waited for, briefly. What is
    to be deleted and is gone already is done.
    """
    operation, parameters = payload["operation"], payload["parameters"]
    for delay in (*_SETTLE_SECONDS, None):
        try:
            await gateway.call(scope, "application-autoscaling", operation, **parameters)
        except Failure as failure:
            if failure.reason is not Reason.TARGET_NOT_FOUND:
                raise
            if operation.startswith("de"):
                return
            if delay is None:
                raise
            await asyncio.sleep(delay)
        else:
            return
