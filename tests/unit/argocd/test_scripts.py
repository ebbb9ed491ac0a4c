"""Argo CD's health script and actions, run as Argo CD runs them."""

import copy
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51
from tests.contract.argo import ACTIONS, SCRIPTS, Argo

DIGEST = "0123456789ab"


@pytest.fixture(scope="module")
def argo() -> Argo:
    return Argo()


def resource(
    *conditions: tuple[str, str, str],
    suspend: bool = False,
    observed: int | None = 2,
    **status: Any,
) -> dict[str, Any]:
    """Generation 2, with conditions by type, status and reason."""
    made = [
        {"type": kind, "status": value, "reason": reason, "message": f"about {kind}",
         "observedGeneration": observed}
        for kind, value, reason in conditions
    ]  # fmt: skip
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "DBTuning",
        "metadata": {"name": "orders", "namespace": "shop", "generation": 2},
        "spec": {
            "suspend": suspend,
            "aws": {},
            "ignore": [],
            "rds": {"instance": "orders", "iops": 12000, "tags": [{"a": {}}]},
        },
        "status": {"observedGeneration": observed, "conditions": made, **status},
    }


READY = ("Ready", "True", "InSync")
FAILED = ("Ready", "False", "ConnectionFailed")


@pytest.mark.parametrize(
    ("found", "health", "message"),
    [
        (resource(READY), "Healthy", "about Ready"),
        (resource(READY, observed=1), "Progressing", "Waiting for setpoint to look"),
        (resource(READY, observed=-1), "Progressing", "Waiting for setpoint to look"),
        (resource(observed=2), "Progressing", "Waiting for the first reconcile"),
        (
            resource(("Ready", "Unknown", "Progressing"), ("Reconciling", "True", "Progressing")),
            "Progressing",
            "about Reconciling",
        ),
        (
            resource(FAILED, ("Reconciling", "True", "ProgressingWithRetry")),
            "Progressing",
            "about Reconciling",
        ),
        (
            resource(FAILED, ("Stalled", "True", "AccessDenied")),
            "Degraded",
            "AccessDenied: about Stalled",
        ),
        (resource(FAILED), "Progressing", "ConnectionFailed: about Ready"),
        (resource(READY, suspend=True), "Suspended", "spec.suspend is true"),
        (
            resource(FAILED, ("Stalled", "True", "AccessDenied"), suspend=True),
            "Suspended",
            "spec.suspend is true",
        ),
        (
            resource(READY, ("FindingsPresent", "True", "CriticalFindings")),
            "Healthy",
            "about Ready; findings: about FindingsPresent",
        ),
        (
            resource(("Ready", "True", "Observed"), ("Drifted", "True", "DriftDetected")),
            "Healthy",
            "about Ready; differs from the spec: about Drifted",
        ),
        (resource(READY, ("Drifted", "False", "NoDrift")), "Healthy", "about Ready"),
    ],
    ids=str,
)
def test_health(argo: Argo, found: dict[str, Any], health: str, message: str) -> None:
    status, said = argo.health(found)
    assert status == health
    assert said.startswith(message)


@pytest.mark.parametrize("missing", ["status", "spec"])
def test_health_of_what_has_barely_been_created(argo: Argo, missing: str) -> None:
    found = {key: value for key, value in resource().items() if key != missing}
    assert argo.health(found)[0] == "Progressing"


def planned(**changes: Any) -> dict[str, Any]:
    plan = {"digest": DIGEST, "actions": [{"op": "Update", "blockedBy": "Approval"}]}
    return resource(READY, plan={**plan, **changes})


@pytest.mark.parametrize(
    ("found", "enabled"),
    [
        (resource(READY), {"reconcile", "suspend"}),
        (resource(READY, suspend=True), {"resume"}),
        (planned(), {"reconcile", "suspend", "approve"}),
        (planned(actions=[{"op": "Update", "blockedBy": "Window"}]), {"reconcile", "suspend"}),
        (planned(actions=[{"op": "Update", "blockedBy": "Mode"}]), {"reconcile", "suspend"}),
        (planned(digest="", actions=[]), {"reconcile", "suspend"}),
        ({**planned(), "metadata": {"generation": 3}}, {"reconcile", "suspend"}),
        (
            {
                **planned(),
                "metadata": {
                    "generation": 2,
                    "annotations": {"setpoint.dev/approve": DIGEST},
                },
            },
            {"reconcile", "suspend"},
        ),
        ({"metadata": {"generation": 1}, "spec": {}}, {"reconcile", "suspend"}),
    ],
    ids=str,
)
def test_only_actions_that_make_sense_are_offered(
    argo: Argo, found: dict[str, Any], enabled: set[str]
) -> None:
    assert argo.enabled(found) == enabled


@pytest.mark.parametrize(
    ("action", "patch"),
    [
        ("suspend", {"spec": {"suspend": True}}),
        ("resume", {"spec": {"suspend": False}}),
        ("approve", {"metadata": {"annotations": {"setpoint.dev/approve": DIGEST}}}),
    ],
)
def test_an_action_changes_one_thing(argo: Argo, action: str, patch: dict[str, Any]) -> None:
    found = planned()
    found["spec"]["suspend"] = action == "resume"
    before = copy.deepcopy(found)
    assert argo.act(action, found) == patch
    assert found == before


@pytest.mark.parametrize("annotations", [None, {"owner": "anna"}])
def test_a_reconcile_is_asked_for_with_the_time(
    argo: Argo, annotations: dict[str, str] | None
) -> None:
    found = resource(READY)
    if annotations is not None:
        found["metadata"]["annotations"] = annotations
    patch = argo.act("reconcile", found)
    [(name, token)] = patch["metadata"]["annotations"].items()
    assert name == "reconcile.fluxcd.io/requestedAt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", token)


def test_without_a_plan_nothing_is_approved(argo: Argo) -> None:
    with pytest.raises(lua51.LuaError, match="there is no plan to approve"):
        argo.act("approve", resource(READY))


def test_every_script_is_covered() -> None:
    found = {path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.lua")}
    actions = {f"actions/{name}/action.lua" for name in ACTIONS}
    assert found == {"health.lua", "actions/discovery.lua", *actions}


def test_the_config_map_is_what_the_scripts_say(argo: Argo, tmp_path: Path) -> None:
    sys.path.insert(0, str(SCRIPTS.parents[1] / "hack"))
    try:
        from generate_argocd import TARGET, customizations  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    text = TARGET.read_text("utf-8")
    assert text == customizations(), "run `make generate`"

    data = yaml.safe_load(text)["data"]
    kinds = ("ScalingPolicy", "DBTuning", "CacheTuning")
    assert len(data) == 3 * len(kinds)
    for kind in kinds:
        (tmp_path / kind / "actions").mkdir(parents=True)
        health = data[f"resource.customizations.health.setpoint.dev_{kind}"]
        (tmp_path / kind / "health.lua").write_text(health)
        actions = yaml.safe_load(data[f"resource.customizations.actions.setpoint.dev_{kind}"])
        (tmp_path / kind / "actions/discovery.lua").write_text(actions["discovery.lua"])
        for action in actions["definitions"]:
            directory = tmp_path / kind / "actions" / action["name"]
            directory.mkdir()
            (directory / "action.lua").write_text(action["action.lua"])
        from_the_map = Argo(tmp_path / kind)
        assert from_the_map.health(resource(READY)) == argo.health(resource(READY))
        assert from_the_map.enabled(planned()) == argo.enabled(planned())
