"""What the deployment takes from models and from the chart: python hack/generate_deploy.py.

The chart is the one source of the manifests; the kustomize base is what it renders, and an overlay
is what it renders differently for other values.
"""

import copy
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from setpoint.api.kinds import crd_files
from setpoint.config import Config
from stack import helm

ROOT = Path(__file__).parent.parent
CHART = Path("deploy/helm/setpoint")
KUSTOMIZE = Path("deploy/kustomize")
NAMESPACE = "setpoint-system"

Object = dict[str, Any]
Files = dict[Path, str]
"""Paths from the repository's root, and what is in them."""

_HEADER = "# Generated from the chart by `make generate`. Do not edit.\n"
_HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by")
_BASE: Object = {"crds": {"enabled": False}, "rbac": {"create": False}}
_OVERLAYS: dict[str, Object] = {
    "cluster-wide": {"rbac": {"create": True}},
    "namespaced": {"rbac": {"create": True}, "namespaces": [NAMESPACE]},
    "ha": {
        "rbac": {"create": True},
        "replicas": 2,
    },
}
_NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    },
}


def generated() -> Files:
    """Every file that is generated for the deployment."""
    return {**chart_files(), **kustomize_files()}


def chart_files() -> Files:
    """Files in the chart, and the page about its values."""
    found = {CHART / "files/crds" / name: text for name, text in crd_files().items()}
    schema = values_schema()
    found[CHART / "values.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    found[Path("docs/helm-values.md")] = values_page(schema)
    return found


def values_schema() -> dict[str, Any]:
    """The chart's schema with the operator's configuration in it."""
    schema: dict[str, Any] = json.loads((ROOT / CHART / "values.schema.json").read_text("utf-8"))
    config = Config.model_json_schema(by_alias=True, mode="serialization")
    defs = config.pop("$defs", {})
    inner = _inlined(config, defs)
    inner["description"] = "The operator's configuration (docs/configuration.md)."
    inner["examples"] = [{"aws": {"region": "eu-central-1"}}]
    schema["properties"]["config"] = inner
    return schema


def _inlined(node: Any, defs: Mapping[str, Any]) -> Any:
    """Without references, titles and defaults: values.yaml has the defaults."""
    if isinstance(node, list):
        return [_inlined(item, defs) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined(defs[node["$ref"].rpartition("/")[2]] | beside, defs)
    dropped = {"title", "default", "example", "format"}
    return {
        key: {name: _inlined(child, defs) for name, child in value.items()}
        if key == "properties"
        else _inlined(value, defs)
        for key, value in node.items()
        if key == "properties" or key not in dropped
    }


def values_page(schema: Mapping[str, Any]) -> str:
    """docs/helm-values.md."""
    defaults = yaml.safe_load((ROOT / CHART / "values.yaml").read_text("utf-8"))
    rows = "".join(
        f"| `{path}` | `{json.dumps(default, ensure_ascii=False)}` | {text} |\n"
        for path, default, text in _values(schema, defaults, "")
    )
    return (
        "# The chart's values\n\n"
        "`values.schema.json` refuses what is not one of them. [Installation](installation.md) "
        "says which ones matter.\n\n"
        f"| value | default | meaning |\n|---|---|---|\n{rows}"
    )


def _values(
    node: Mapping[str, Any], defaults: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any, str]]:
    for name, child in node["properties"].items():
        if path + name == "global":
            continue
        default = defaults.get(name)
        if "properties" in child and path + name != "config":
            yield from _values(child, default or {}, f"{path}{name}.")
        else:
            yield path + name, default, child["description"]


def kustomize_files() -> Files:
    """The base, and the overlays as what differs from it."""
    base = render(_BASE)
    manifests = [_NAMESPACE, *base.values()]
    found = _directory(KUSTOMIZE / "base", ["../../../crds"], manifests, {})
    for name, values in _OVERLAYS.items():
        wanted = render(_merged(_BASE, values))
        added = [made for key, made in wanted.items() if key not in base]
        patches = {
            key: patch for key, made in wanted.items()
            if key in base and (patch := _patch(base[key], made))
        }  # fmt: skip
        found |= _directory(KUSTOMIZE / "overlays" / name, ["../../base"], added, patches)
    return found


def render(values: Mapping[str, Any]) -> dict[tuple[str, str], Object]:
    """What `helm template` makes, by kind and name, without what says that it was Helm."""
    made = [_own(document) for document in helm.render(values, namespace=NAMESPACE)]
    return {(document["kind"], document["metadata"]["name"]): document for document in made}


def _own(document: Object) -> Object:
    labels = document["metadata"].get("labels", {})
    for name in _HELMS_OWN:
        labels.pop(name, None)
    return document


def _directory(
    path: Path,
    resources: list[str],
    manifests: list[Object],
    patches: Mapping[tuple[str, str], list[Object]],
) -> Files:
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [*resources, "manifests.yaml"],
    }
    if patches:
        kustomization["patches"] = [
            {
                "target": {"kind": kind, "name": name},
                "patch": yaml.safe_dump(patch, sort_keys=False, width=100),
            }
            for (kind, name), patch in patches.items()
        ]
    return {
        path / "kustomization.yaml": _HEADER + _yaml(kustomization),
        path / "manifests.yaml": _HEADER + "---\n".join(_yaml(made) for made in manifests),
    }


def _patch(before: Any, after: Any, path: str = "") -> list[Object]:
    """The JSON patch (RFC 6902) from one to the other; lists of two lengths as a whole."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        made = []
        for key in dict.fromkeys([*before, *after]):
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in after:
                made.append({"op": "remove", "path": here})
            elif key not in before:
                made.append({"op": "add", "path": here, "value": after[key]})
            else:
                made += _patch(before[key], after[key], here)
        return made
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [op for n, (old, new) in pairs for op in _patch(old, new, f"{path}/{n}")]
    return [{"op": "replace", "path": path, "value": after}]


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Object:
    made = copy.deepcopy(dict(first))
    for key, value in second.items():
        made[key] = {**made.get(key, {}), **value} if isinstance(value, dict) else value
    return made


def _yaml(document: Object) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and no anchors: people read these files."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def main() -> None:
    """Write them all; what is not made any more is removed."""
    chart = chart_files()
    shutil.rmtree(ROOT / CHART / "files/crds", ignore_errors=True)
    _write(chart)  # the chart is rendered with them
    shutil.rmtree(ROOT / KUSTOMIZE, ignore_errors=True)
    _write(kustomize_files())


def _write(files: Files) -> None:
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
