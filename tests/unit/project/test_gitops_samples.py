"""The samples for Flux and Argo CD name what is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "deploy/gitops").rglob("*.yaml"))


def documents() -> list[dict[str, Any]]:
    return [one for path in SAMPLES for one in yaml.safe_load_all(path.read_text("utf-8"))]


def paths(document: dict[str, Any]) -> list[str]:
    spec = document["spec"]
    found = [spec.get("path"), spec.get("source", {}).get("path")]
    return [path for path in found if path]


def test_there_are_samples_of_both() -> None:
    kinds = {(one["apiVersion"].split("/")[0], one["kind"]) for one in documents()}
    assert kinds == {
        ("argoproj.io", "Application"),
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    }


@pytest.mark.parametrize("document", documents(), ids=lambda one: str(one["metadata"]["name"]))
def test_they_name_directories_of_this_repository(document: dict[str, Any]) -> None:
    for path in paths(document):
        assert list((ROOT / path).glob("*.yaml")), path


def test_flux_waits_and_the_operator_comes_first() -> None:
    kustomizations = {
        one["metadata"]["name"]: one["spec"]
        for one in documents()
        if one["kind"] == "Kustomization"
    }
    assert all(spec["wait"] and spec["prune"] for spec in kustomizations.values())
    assert kustomizations["shop-performance"]["dependsOn"] == [{"name": "setpoint"}]
