"""GitOps tools apply the same manifests again and again, beside setpoint's own writes: a no-op."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import helm
from tests.contract.judge import flux
from tests.e2e.conftest import Space

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
PLURALS = {"ScalingPolicy": "scalingpolicies", "DBTuning": "dbtunings",
           "CacheTuning": "cachetunings"}  # fmt: skip


def manifests() -> list[dict[str, Any]]:
    """The samples, and resources with every field."""
    files = [*sorted((ROOT / "deploy/samples").glob("*.yaml")), *sorted(MANIFESTS.glob("*.yaml"))]
    found = [one for file in files for one in yaml.safe_load_all(file.read_text("utf-8"))]
    return [one for one in found if one["kind"] in PLURALS]


def leaves(node: Any, path: str = "") -> Iterator[str]:
    """Paths of the values that a resource sets; entries of lists and maps without their names."""
    if isinstance(node, dict) and path.endswith("dimensions"):
        yield path + "{}"
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path + "[]")
    else:
        yield path


def schema_leaves(node: dict[str, Any], path: str = "") -> Iterator[str]:
    """The same of a schema."""
    if "properties" in node:
        for name, value in node["properties"].items():
            yield from schema_leaves(value, f"{path}.{name}" if path else name)
    elif "items" in node:
        yield from schema_leaves(node["items"], path + "[]")
    elif isinstance(node.get("additionalProperties"), dict):
        yield from schema_leaves(node["additionalProperties"], path + "{}")
    else:
        yield path


def schema(kind: str) -> dict[str, Any]:
    text = (ROOT / f"crds/{PLURALS[kind]}.yaml").read_text("utf-8")
    [version] = yaml.safe_load(text)["spec"]["versions"]
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


@pytest.mark.parametrize("kind", PLURALS)
def test_the_manifests_have_nearly_every_field(kind: str) -> None:
    known = set(schema_leaves(schema(kind)))
    used = {path for one in manifests() if one["kind"] == kind for path in leaves(one["spec"])}
    assert used <= known
    missing = known - used
    assert len(missing) <= len(known) / 10, sorted(missing)


@pytest.mark.parametrize("kind", PLURALS)
def test_no_default_stands_inside_a_list(kind: str) -> None:
    """A client that merges sees the whole list as changed, each time."""

    def defaults(node: dict[str, Any], *, in_list: bool) -> Iterator[Any]:
        if in_list and "default" in node:
            yield node["default"]
        for inner in node.get("properties", {}).values():
            yield from defaults(inner, in_list=in_list)
        if "items" in node:
            yield from defaults(node["items"], in_list=True)

    assert list(defaults(schema(kind), in_list=False)) == []


def kubectl(
    space: Space, *arguments: str, bodies: Sequence[dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    text = yaml.safe_dump_all(bodies)
    return space.cluster.kubectl(*arguments, "-n", space.name, "-f", "-", stdin=text, check=False)


def applied(space: Space, bodies: Sequence[dict[str, Any]], *flags: str) -> list[str]:
    """What kubectl says of each; a conflict with our writes of status would be an error."""
    result = kubectl(space, "apply", *flags, bodies=bodies)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == len(bodies)
    return lines


def no_difference(space: Space, bodies: Sequence[dict[str, Any]], *flags: str) -> None:
    result = kubectl(space, "diff", *flags, bodies=bodies)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def found(space: Space) -> dict[str, dict[str, Any]]:
    """Every resource of the space with its managed fields, by name."""
    kinds = ",".join(PLURALS.values())
    items = space.cluster.get(kinds, "-n", space.name, "--show-managed-fields")["items"]
    return {item["metadata"]["name"]: item for item in items}


def all_finished(space: Space) -> dict[str, dict[str, Any]] | None:
    known = found(space)
    finished = [
        one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"]
        for one in known.values()
    ]
    return known if all(finished) else None


def owned(node: dict[str, Any], path: str = "") -> Iterator[str]:
    """Leaf paths of a managedFields entry."""
    for name, inner in node.items():
        if name == ".":
            continue
        if inner:
            yield from owned(inner, f"{path}/{name}")
        else:
            yield f"{path}/{name}"


def named(body: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Under a name and in a namespace of the test."""
    metadata = {k: v for k, v in body["metadata"].items() if k != "namespace"}
    return {**body, "metadata": {**metadata, "name": f"{prefix}-{metadata['name']}"}}


SERVER_SIDE: Sequence[str] = ("--server-side", "--field-manager=kustomize-controller")


def test_the_same_manifests_again_are_a_no_op(space: Space) -> None:
    """By server-side apply, as Flux and Argo CD do it, and by plain `kubectl apply`."""
    every = list(enumerate(manifests()))
    server = [named(one, f"s{number}") for number, one in every]
    plain = [named(one, f"c{number}") for number, one in every]
    applied(space, server, *SERVER_SIDE)
    applied(space, plain)
    before = space.wait(lambda: all_finished(space), "an attempt at each")

    applied(space, server, *SERVER_SIDE)
    no_difference(space, server, *SERVER_SIDE)
    assert all("unchanged" in line for line in applied(space, plain))
    no_difference(space, plain)

    after = found(space)
    assert len(after) == len(server) + len(plain)
    for name, one in after.items():
        assert one["spec"] == before[name]["spec"]
        assert one["metadata"]["generation"] == before[name]["metadata"]["generation"] == 1
        assert managers(one) == managers(before[name]), "who owns which field has changed"


def managers(body: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    return {
        (
            one["manager"],
            one["operation"],
            one.get("subresource", ""),
            json.dumps(one["fieldsV1"], sort_keys=True),
        )
        for one in body["metadata"]["managedFields"]
        if one.get("subresource") != "status"
    }


def test_setpoint_owns_status_and_its_finalizer_and_nothing_else(space: Space) -> None:
    body = {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": "web"},
        "spec": space.scaling(deletionPolicy="Revert"),
    }
    space.with_service()
    applied(space, [body], *SERVER_SIDE)
    space.wait_ready("scalingpolicy", "web")

    fields: dict[str, set[str]] = {}
    for one in found(space)["web"]["metadata"]["managedFields"]:
        fields.setdefault(one["manager"], set()).update(owned(one["fieldsV1"]))

    assert set(fields) == {"kustomize-controller", "setpoint"}
    ours, theirs = fields["setpoint"], fields["kustomize-controller"]
    tops = {path.split("/")[1] for path in ours}
    assert tops == {"f:status", "f:metadata"}
    assert {path for path in ours if path.startswith("/f:metadata")} == {
        '/f:metadata/f:finalizers/v:"setpoint.dev/finalizer"'
    }
    assert {path.split("/")[1] for path in theirs} == {"f:spec"}
    assert not ours & theirs
    no_difference(space, [body], *SERVER_SIDE)


def test_what_is_installed_can_be_applied_again(space: Space) -> None:
    """The operator itself, by whatever tool installs it."""
    manifests = yaml.safe_dump_all(helm.render({}))
    once_more = ("diff", "--server-side", "--force-conflicts", "-f", "-")
    again = space.cluster.kubectl(*once_more, stdin=manifests, check=False)
    assert (again.returncode, again.stdout) == (0, ""), again.stdout + again.stderr


def test_kstatus_never_says_current_between_an_edit_and_our_write(
    space: Space, operator: Any
) -> None:
    """As Flux's wait sees it, while the operator is down and cannot have looked."""

    def kstatus(name: str) -> str:
        [verdict] = flux([space.get("scalingpolicy", name)])
        return verdict.kstatus

    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")
    assert kstatus("web") == "Current"
    operator.stop()
    try:
        space.apply("ScalingPolicy", "web", space.scaling(capacity={"min": 1, "max": 7}))
        space.apply("ScalingPolicy", "new", space.scaling(suspend=True))
        assert (kstatus("web"), kstatus("new")) == ("InProgress", "InProgress")
    finally:
        operator.start()
    space.wait(lambda: kstatus("web") == "Current", "web Current again")
    assert (space.target() or {})["MaxCapacity"] == 7


def test_flux_waits_for_what_it_should(space: Space) -> None:
    """`wait: true` ends well, fails at once, or waits, by what kstatus says."""

    def kstatus() -> str:
        [verdict] = flux([space.get("scalingpolicy", "web")])
        return verdict.kstatus

    space.apply("ScalingPolicy", "web", space.scaling())  # its service is not there yet
    space.wait_ready("scalingpolicy", "web", "False", "TargetNotFound")
    assert kstatus() == "InProgress"
    space.wait(lambda: kstatus() == "Failed", "Failed once it has lasted")
    space.with_service()
    space.wait(lambda: kstatus() == "Current", "Current")


def test_a_request_in_fluxs_way_is_echoed(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")
    old = space.poke("scalingpolicy", "web")  # by the annotation of our own

    token = "2027-01-01T10:00:00.123456789+01:00"  # `flux reconcile` takes the local zone
    space.cluster.kubectl(
        "annotate", "scalingpolicy", "web", "-n", space.name,
        f"reconcile.fluxcd.io/requestedAt={token}",
    )  # fmt: skip

    def handled() -> Any:
        return space.status("scalingpolicy", "web")["lastHandledReconcileAt"]

    space.wait(lambda: handled() == token, f"{token} echoed instead of {old}")
