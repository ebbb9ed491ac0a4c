"""The chart and the kustomize overlays on the real API server."""

import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import setpoint.wiring  # noqa: F401 - so that all metrics are registered
from setpoint import cli
from setpoint.api.kinds import crd_files
from setpoint.config import Config
from stack import gobuild, helm
from stack.cluster import Cluster
from tests.integration.packaging.conftest import all_values
from tests.integration.packaging.test_values import LEAVES, with_value

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "hack"))
import generate_deploy  # noqa: E402

Object = dict[str, Any]
_numbers = itertools.count(1)
OVERLAYS = generate_deploy._OVERLAYS


def every_example(**changes: Any) -> Object:
    """All switched on, and each other value replaced by its example."""
    made = {**all_values(), "replicas": 2}
    for path, schema in LEAVES.items():
        if schema["type"] != "boolean" and path[0] not in ("config", *changes):
            made = with_value(made, path, schema["examples"][0])
    return {**made, **changes}


VALUES: dict[str, Object] = {
    "defaults": {},
    "all switched on": all_values(),
    "every example": every_example(),
    "what those hide": every_example(
        existingConfigMap="", image={"repository": "a/b", "tag": "c"}, namespaces=[]
    ),
}


@pytest.fixture(scope="module")
def cluster(controlplane: Cluster) -> Cluster:
    """With the Prometheus operator's definitions, and the namespaces of the examples."""
    for path in gobuild.monitoring_crds().glob("*.yaml"):
        controlplane.kubectl("apply", "--server-side", "-f", str(path))
    for name in ("shop", "billing"):
        controlplane.create_namespace(name)
    for plural in ("servicemonitors", "prometheusrules"):
        controlplane.kubectl(
            "wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com"
        )
    return controlplane


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A namespace in which the API server enforces Pod Security `restricted`."""
    name = f"chart-{next(_numbers)}"
    cluster.create_namespace(name)
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", name, enforce)
    return name


def one(objects: list[Object], kind: str) -> Object:
    [found] = [made for made in objects if made["kind"] == kind]
    return found


def strictly(cluster: Cluster, objects: list[Object]) -> None:
    """Applied by the API server, unknown fields refused, without being kept."""
    cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts",
        "-f", "-", stdin=yaml.safe_dump_all(objects),
    )  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_all_that_is_rendered_can_be_applied(cluster: Cluster, namespace: str, name: str) -> None:
    strictly(cluster, helm.render(VALUES[name], namespace=namespace))


@pytest.mark.parametrize("name", VALUES)
def test_its_pods_run_under_pod_security_restricted(
    cluster: Cluster, namespace: str, name: str
) -> None:
    objects = helm.render(VALUES[name], namespace=namespace)
    cluster.apply(one(objects, "ServiceAccount"))
    template = one(objects, "Deployment")["spec"]["template"]
    template["spec"].pop("priorityClassName", None)  # only system namespaces may use the example's
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] |= {"name": "operator", "namespace": namespace}

    assert "created" in cluster.apply(pod)

    [container] = pod["spec"]["containers"]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    pod["metadata"]["name"] = "privileged"
    assert 'violates PodSecurity "restricted' in cluster.apply(pod, check=False)


def test_it_is_installed_upgraded_and_uninstalled(cluster: Cluster, namespace: str) -> None:
    where = (f"--namespace={namespace}",)
    admin = cluster.admin_kubeconfig
    helm.install(admin, {}, release="tuner", namespace=namespace)
    assert cluster.get("deployment", "tuner-setpoint", "-n", namespace)["spec"]["replicas"] == 1

    helm.install(admin, all_values(), release="tuner", namespace=namespace)
    found = cluster.get("deployment", "tuner-setpoint", "-n", namespace)
    assert found["spec"]["replicas"] == 3
    assert cluster.get("servicemonitors,prometheusrules,pdb,networkpolicy", "-n", namespace)

    helm.run("uninstall", "tuner", *where, kubeconfig=admin)
    left = cluster.get("deployments,configmaps,roles,serviceaccounts", "-n", namespace)["items"]
    assert [o["metadata"]["name"] for o in left if "tuner" in o["metadata"]["name"]] == []
    for plural in ("scalingpolicies", "dbtunings", "cachetunings"):
        crd = cluster.get("crd", f"{plural}.setpoint.dev")
        assert "deletionTimestamp" not in crd["metadata"]


def test_the_definitions_are_those_of_the_models() -> None:
    rendered = [o for o in helm.render({}) if o["kind"] == "CustomResourceDefinition"]
    wanted = [yaml.safe_load(text) for text in crd_files().values()]
    assert len(rendered) == 3
    for made in rendered:
        assert len(yaml.safe_dump(made)) < 150 * 1024
        assert made["metadata"].pop("annotations") == {
            "argocd.argoproj.io/sync-options": "ServerSideApply=true",
            "helm.sh/resource-policy": "keep",
        }
        made["metadata"].pop("labels")
        assert made in wanted


def test_what_is_generated_is_up_to_date() -> None:
    made = generate_deploy.generated()
    for path, text in made.items():
        assert (ROOT / path).read_text() == text, f"{path}: run `make generate`"
    folders = [generate_deploy.KUSTOMIZE, generate_deploy.CHART / "files/crds"]
    there = {p.relative_to(ROOT) for f in folders for p in (ROOT / f).rglob("*") if p.is_file()}
    assert there <= set(made), "run `make generate`"


def kustomized(cluster: Cluster, path: Path) -> dict[tuple[str, str, str], Object]:
    text = cluster.kubectl("kustomize", "--load-restrictor=LoadRestrictionsNone", str(path)).stdout
    return {
        (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o
        for o in yaml.load_all(text, yaml.CSafeLoader)
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_what_the_chart_renders(cluster: Cluster, overlay: str) -> None:
    made = kustomized(cluster, ROOT / "deploy/kustomize/overlays" / overlay)
    values = generate_deploy._merged(generate_deploy._BASE, OVERLAYS[overlay])
    rendered = list(generate_deploy.render(values).values())

    for document in rendered:
        metadata = document["metadata"]
        key = (document["kind"], metadata.get("namespace", ""), metadata["name"])
        assert made.pop(key) == document
    kinds = sorted(kind for kind, *_ in made)
    assert kinds == [*["CustomResourceDefinition"] * 3, "Namespace"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_can_be_applied(cluster: Cluster, overlay: str) -> None:
    made = kustomized(cluster, ROOT / "deploy/kustomize/overlays" / overlay)
    cluster.create_namespace("setpoint-system")
    strictly(cluster, list(made.values()))


def test_an_overlay_moves_to_another_namespace(cluster: Cluster, tmp_path: Path) -> None:
    """As a user does it: with one line, and nothing is left behind."""
    mine = tmp_path / "mine"
    mine.mkdir()
    overlay = ROOT / "deploy/kustomize/overlays/namespaced"
    resources = [Path("../" * len(mine.parts[1:])) / overlay.relative_to("/")]
    kustomization = {"namespace": "tuning", "resources": [str(path) for path in resources]}
    (mine / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    made = kustomized(cluster, mine)

    assert "setpoint-system" not in json.dumps(list(made.values()))
    bindings = [o for (kind, *_), o in made.items() if kind == "RoleBinding"]
    assert {o["subjects"][0]["namespace"] for o in bindings} == {"tuning"}


@pytest.mark.parametrize("name", VALUES)
def test_the_operator_understands_its_arguments(name: str) -> None:
    container = one(helm.render(VALUES[name]), "Deployment")["spec"]["template"]["spec"]
    [arguments] = [made["args"] for made in container["containers"]]
    parsed, unknown = cli._parser("run").parse_known_args(arguments)
    assert unknown == []
    assert parsed.config == "/etc/setpoint/config.yaml"
    assert parsed.namespace == VALUES[name].get("namespaces", [])


def rules(objects: list[Object]) -> Iterator[Object]:
    operators = [o for o in objects if o["kind"] in ("Role", "ClusterRole")]
    for role in operators:
        if not role["metadata"]["name"].endswith(("-view", "-edit")):
            yield from role["rules"]


@pytest.mark.parametrize("name", VALUES)
def test_no_right_is_broad(name: str) -> None:
    for rule in rules(helm.render(VALUES[name])):
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        if "secrets" in rule["resources"]:
            assert rule["verbs"] == ["get"]
        if rule["resources"] == ["leases"]:
            assert rule["verbs"] == ["create"] or rule["resourceNames"]


def test_namespaced_it_has_no_right_of_the_cluster() -> None:
    objects = helm.render({"namespaces": ["shop"], "rbac": {"aggregate": False}})
    assert not [o for o in objects if o["kind"].startswith("ClusterRole")]


def alerts() -> list[Object]:
    found: list[Object] = one(helm.render(all_values()), "PrometheusRule")["spec"]["groups"][0][
        "rules"
    ]
    return found


def test_every_alert_has_its_runbook() -> None:
    text = (ROOT / "docs/runbooks.md").read_text()
    anchors = {heading.lower() for heading in re.findall(r"^## (\w+)$", text, re.MULTILINE)}
    assert len(alerts()) >= 7
    for alert in alerts():
        assert alert["alert"].startswith("Setpoint")
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert page.endswith("/docs/runbooks")
        assert anchor in anchors
        anchors.discard(anchor)
    assert anchors == set(), "a runbook without an alert"


def test_alerts_are_about_metrics_that_there_are() -> None:
    known = {name for family in REGISTRY.collect() for name in _names(family)}
    for alert in alerts():
        named = set(re.findall(r"setpoint_\w+", alert["expr"]))
        assert named, alert["alert"]
        assert named <= known, alert["alert"]


def _names(family: Any) -> Iterator[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    for suffix in suffixes.get(family.type, ("",)):
        yield family.name + suffix


def test_the_values_of_the_documentation_are_right() -> None:
    text = (ROOT / "docs/installation.md").read_text()
    [values] = [
        found for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
        if "repository" in (found := yaml.safe_load(block)).get("image", {})
    ]  # fmt: skip
    assert one(helm.render(values), "Deployment")["spec"]["replicas"] == 2


def test_the_configuration_that_is_rendered_is_one_that_the_operator_takes() -> None:
    for values in VALUES.values():
        rendered = helm.render(values)
        for document in rendered:
            if document["kind"] == "ConfigMap" and "config.yaml" in document["data"]:
                Config.model_validate(yaml.safe_load(document["data"]["config.yaml"]))
