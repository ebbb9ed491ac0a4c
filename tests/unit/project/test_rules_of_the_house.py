"""What must hold of the repository itself."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.ledgers import test_aws

import suite
from setpoint.api.conditions import Reason
from setpoint.api.kinds import KINDS, crd_files

ROOT = Path(__file__).parents[3]


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_source_root_does_not_hide_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    code = "import operator; print(operator.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert str(ROOT) not in shown


def test_the_definitions_are_what_the_models_say() -> None:
    on_disk = {p.name: p.read_text() for p in (ROOT / "crds").glob("*.yaml")}
    on_disk.pop("kustomization.yaml")
    assert on_disk == crd_files(), "run `make generate`"


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_the_lock_files_name_every_dependency(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = list(project["project"]["dependencies"])
    if name == "dev":
        groups = project["dependency-groups"]
        for entry in groups["dev"]:
            wanted += [entry] if isinstance(entry, str) else groups[entry["include-group"]]
    lock = (ROOT / "requirements" / f"{name}.lock").read_text()
    locked = {_canonical(line) for line in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}
    missing = {_canonical(re.split(r"[^A-Za-z0-9_.-]", text)[0]) for text in wanted} - locked
    assert not missing, "run `make lock`"
    assert "--hash=sha256:" in lock


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_runtime_dependency_is_under_gpl_or_agpl() -> None:
    lock = (ROOT / "requirements" / "runtime.lock").read_text()
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)
    checked, refused = 0, []
    for name in names:
        try:
            found = metadata.metadata(name)
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        checked += 1
        classifiers = [c for c in found.get_all("Classifier") or [] if c.startswith("License")]
        named = found.get_all("License-Expression") or found.get_all("License") or []
        text = " ".join([*named, *classifiers])
        free_of_lgpl = re.sub(r"LGPL|Lesser General Public|LESSER GENERAL PUBLIC", "", text)
        if re.search(r"\bA?GPL|General Public License", free_of_lgpl[:2000]):
            refused.append((name, text[:80]))
    assert checked > 30
    assert refused == []


def test_no_registry_host_machine_path_or_key_is_in_the_repository() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "proxy.golang" + ".org", "npmjs" + ".org"]
    patterns = [re.escape(host) for host in hosts]
    patterns += [
        r"/work/" + "main",
        r"/root/\.",
        "BEGIN [A-Z ]*PRIVATE " + "KEY",
        r"AKIA[0-9A-Z]{16}\b",
    ]
    allowed = {"AKIASETPOINTLOCAL000"}
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        for pattern in patterns:
            found = set(re.findall(pattern, text)) - allowed
            assert not found, f"{path}: {found}"


def test_the_docs_are_what_the_models_say() -> None:
    sys.path.insert(0, str(ROOT / "hack"))
    try:
        from generate_docs import configuration, database  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    assert (ROOT / "docs/configuration.md").read_text() == configuration(), "run `make generate`"
    assert (ROOT / "docs/database.md").read_text() == database(), "run `make generate`"


def test_every_reason_is_explained() -> None:
    explained = set(
        re.findall(r"`([A-Z][A-Za-z]+)`", (ROOT / "docs/troubleshooting.md").read_text())
    )
    assert {str(reason) for reason in Reason} <= explained


def leaves(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(path, schema)]
    for name, child in schema.get("properties", {}).items():
        found += leaves(child, f"{path}.{name}")
    if "items" in schema:
        found += leaves(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        found += leaves(schema["additionalProperties"], f"{path}{{}}")
    return found


@pytest.mark.parametrize("name", [f"{kind.names.plural}.yaml" for kind in KINDS])
def test_every_field_is_described_and_closed(name: str) -> None:
    text = (ROOT / "crds" / name).read_text()
    assert len(text) < 150 * 1024
    [version] = yaml.safe_load(text)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["default"] == {"observedGeneration": -1}
    for path, node in leaves(schema):
        is_element = path.endswith(("[]", "{}"))
        has_text = bool(node.get("description"))
        assert has_text or is_element or path in ("", ".spec", ".status"), path
        assert "x-kubernetes-preserve-unknown-fields" not in node, path
        assert node.get("type") or node.get("x-kubernetes-int-or-string"), path


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:]


def test_the_samples_and_manifests_are_yaml() -> None:
    for path in sorted((ROOT / "deploy").rglob("*.yaml")):
        if path.is_relative_to(ROOT / "deploy/helm"):  # templates, and values
            continue
        for document in yaml.safe_load_all(path.read_text()):
            assert json.dumps(document), path
            assert document["kind"], path


def test_each_ledger_has_all_that_it_asks_about_in_one_half_of_the_suite() -> None:
    """Else neither half would ask whether a right is unused."""
    first = [name.removeprefix("tests/") for name in suite.FIRST]

    def halves(names: Sequence[str]) -> set[bool]:
        return {any((name + "/").startswith(folder + "/") for folder in first) for name in names}

    assert halves(test_aws.PARTS) == {False}
    assert halves(["e2e"]) == {True}
    assert not any(folder.startswith(name) for name in test_aws.PARTS for folder in first)
    assert all((ROOT / folder).is_dir() for folder in suite.FIRST)
    assert "tests/ledgers" in suite.HALVES["first"]
    assert [a for a in suite.HALVES["second"] if "=" not in a] == ["tests"]
