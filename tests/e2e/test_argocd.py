"""Argo CD's health and actions, on resources of a real API server."""

import json
from typing import Any

import pytest

from tests.contract.argo import Argo
from tests.e2e.conftest import Space

KIND, NAME = "scalingpolicy", "web"


@pytest.fixture(scope="module")
def argo() -> Argo:
    return Argo()


def click(space: Space, argo: Argo, action: str) -> dict[str, Any]:
    """As Argo CD does it: the script on the live object, and a merge patch of what it changed."""
    before = space.get(KIND, NAME)
    assert action in argo.enabled(before)
    patch = argo.act(action, before)
    arguments = ("patch", KIND, NAME, "-n", space.name, "--type=merge", "-p", json.dumps(patch))
    space.cluster.kubectl(*arguments)
    after = space.get(KIND, NAME)
    spec = {**before["spec"], **patch.get("spec", {})}
    assert after["spec"] == spec, "an action changes what it says and nothing else"
    return patch


def test_a_plan_is_approved_by_a_click(space: Space, argo: Argo) -> None:
    space.with_service()
    space.apply("ScalingPolicy", NAME, space.scaling(mode="Plan"))
    space.wait_ready(KIND, NAME, reason="ChangePending")
    assert argo.health(space.get(KIND, NAME))[0] == "Healthy"
    assert argo.enabled(space.get(KIND, NAME)) == {"reconcile", "suspend", "approve"}
    assert space.target() is None

    click(space, argo, "approve")

    space.wait_ready(KIND, NAME, reason="InSync")
    assert "cpu-scaling" in space.policies()
    assert argo.enabled(space.get(KIND, NAME)) == {"reconcile", "suspend"}


def test_paused_taken_up_and_looked_at_by_clicks(space: Space, argo: Argo) -> None:
    space.apply("ScalingPolicy", NAME, space.scaling())
    space.wait_ready(KIND, NAME, "False", "TargetNotFound")
    space.wait(lambda: argo.health(space.get(KIND, NAME))[0] == "Degraded", "Degraded")
    space.with_service()

    token = click(space, argo, "reconcile")["metadata"]["annotations"].popitem()[1]
    space.wait(lambda: space.status(KIND, NAME).get("lastHandledReconcileAt") == token, "the look")
    space.wait(lambda: argo.health(space.get(KIND, NAME))[0] == "Healthy", "Healthy")

    click(space, argo, "suspend")
    assert argo.health(space.get(KIND, NAME)) == ("Suspended", "spec.suspend is true")
    assert argo.enabled(space.get(KIND, NAME)) == {"resume"}

    click(space, argo, "resume")
    space.wait(lambda: argo.health(space.get(KIND, NAME))[0] == "Healthy", "Healthy again")
