"""The documentation: no dead link, every YAML is taken by a real API server, nothing is stale."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from setpoint.config import Config
from stack.cluster import Cluster

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
NAMESPACE = "docs"

FOREIGN = {
    "argoproj.io", "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io", "monitoring.coreos.com",
    "kustomize.config.k8s.io",
}  # fmt: skip
"""API groups of others, which the control plane does not have: their YAML is only parsed."""

BASES: dict[str, dict[str, Any]] = {
    "DBTuning": {"postgres": {"secretRef": {"name": "db"}}},
    "CacheTuning": {"redis": {"secretRef": {"name": "redis"}}},
    "ScalingPolicy": {
        "target": {"ecs": {"cluster": "prod", "service": "web"}},
        "capacity": {"min": 2, "max": 20},
        "metrics": {
            "loadBalancer": {
                "loadBalancer": "app/prod/50dc6c495c0c9188",
                "targetGroup": "targetgroup/web/73e2d6bc24d8a067",
            }
        },
    },
}
"""What a page's fragments of spec are put into."""


def kinds_of(spec: dict[str, Any]) -> Iterator[str]:
    """The kinds that have every field of a fragment of spec."""
    return (kind for kind, fields in fields_of_kinds().items() if set(spec) <= fields)


@cache
def fields_of_kinds() -> dict[str, set[str]]:
    found = {}
    for crd in sorted((ROOT / "crds").glob("*s.yaml")):
        definition = yaml.safe_load(crd.read_text(encoding="utf-8"))["spec"]
        [version] = definition["versions"]
        fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        found[str(definition["names"]["kind"])] = set(fields)
    return found


def blocks() -> Iterator[tuple[str, str]]:
    """Page and line, and text, of every fenced block of YAML."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^( *)```ya?ml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{page.relative_to(ROOT)}:{line}", found[2]


BLOCKS = dict(blocks())


@pytest.fixture(scope="module")
def cluster(controlplane: Cluster) -> Cluster:
    controlplane.kubectl("apply", "-k", str(ROOT / "crds"))
    for name in ("scalingpolicies", "dbtunings", "cachetunings"):
        controlplane.kubectl(
            "wait", f"crd/{name}.setpoint.dev", "--for=condition=Established", "--timeout=20s"
        )
    controlplane.create_namespace(NAMESPACE)
    return controlplane


def test_there_is_yaml() -> None:
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("where", sorted(BLOCKS))
def test_yaml_is_taken_by_the_api_server(where: str, cluster: Cluster) -> None:
    for found in yaml.safe_load_all(BLOCKS[where]):
        if "apiVersion" not in found:
            check_fragment(where, found, cluster)
        elif found["apiVersion"].partition("/")[0] not in FOREIGN:
            found["metadata"].pop("namespace", None)
            assert refusal(found, cluster) == ""


def check_fragment(where: str, fragment: dict[str, Any], cluster: Cluster) -> None:
    """A fragment is of our configuration, of the chart's values, or of one kind's spec."""
    if set(fragment) <= {field.alias or name for name, field in Config.model_fields.items()}:
        Config.model_validate(fragment)
        return
    if where.partition(":")[0].rpartition("/")[2] in VALUES_OF_THE_CHART:
        return
    spec = fragment.get("spec", fragment)
    refusals = [refusal(completed(kind, spec), cluster) for kind in kinds_of(spec)]
    assert "" in refusals, "\n".join(refusals) or f"no kind has all of {sorted(spec)}"


def completed(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "fragment"},
        "spec": {**BASES[kind], **spec},
    }


def refusal(document: dict[str, Any], cluster: Cluster) -> str:
    """What the API server says against a document; empty where it takes it."""
    said, taken = cluster.api.apply(document, NAMESPACE, dry_run=True)
    return "" if taken else said


VALUES_OF_THE_CHART = {"installation.md", "helm-values.md"}
"""Pages whose fragments are values; the chart's own tests render them."""


def test_the_site_is_built_without_a_dead_link(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reference/dbtuning.html").exists()


def test_the_readme_links_to_what_is_there() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_reference_is_fresh() -> None:
    sys.path.insert(0, str(ROOT / "hack"))
    try:
        from generate_reference import REFERENCE, pages  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    on_disk = {file.name: file.read_text(encoding="utf-8") for file in REFERENCE.glob("*.md")}
    assert on_disk == pages(), "run `make generate`"
