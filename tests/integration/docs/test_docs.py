"""The documentation: no dead link, every YAML is taken by a real API server, nothing is stale."""

import re
import subprocess
import sys
from collections.abc import Iterator
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

KIND_OF_PAGE = {
    "database.md": "DBTuning", "rds.md": "DBTuning", "cache.md": "CacheTuning",
    "scaling.md": "ScalingPolicy", "alerts.md": "ScalingPolicy",
}  # fmt: skip


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
        document = found if "apiVersion" in found else _completed(where, found)
        if document is None or document["apiVersion"].partition("/")[0] in FOREIGN:
            continue
        document["metadata"].pop("namespace", None)
        cluster.kubectl(
            "apply", "--dry-run=server", "--validate=strict", "-n", NAMESPACE, "-f", "-",
            stdin=yaml.safe_dump(document),
        )  # fmt: skip


def _completed(where: str, fragment: dict[str, Any]) -> dict[str, Any] | None:
    """The resource that a fragment is a part of; None where it is no resource's, and is right."""
    page = where.partition(":")[0].rpartition("/")[2]
    if set(fragment) <= {field.alias or name for name, field in Config.model_fields.items()}:
        Config.model_validate(fragment)
        return None
    if page in VALUES_OF_THE_CHART:
        return None
    kind = KIND_OF_PAGE[page]
    spec = {**BASES[kind], **fragment.get("spec", fragment)}
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "fragment"},
        "spec": spec,
    }


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
