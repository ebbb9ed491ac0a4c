"""A page a kind, with every field, from the CRDs: python hack/generate_reference.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setpoint.api.crd import KindModel, manifest
from setpoint.api.kinds import KINDS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs/reference"

GUIDES = {
    "ScalingPolicy": "[what it does, and who owns what](../scaling.md)",
    "DBTuning": "[RDS](../rds.md), [Postgres](../database.md)",
    "CacheTuning": "[what is found, set, guarded and swept](../cache.md)",
}

_WORKING = """## Working with it

    kubectl get {plural}                                  # -o wide has the message, too
    kubectl explain {singular}.spec
    kubectl wait {singular}/{name} --for=condition=Ready
    kubectl setpoint explain {name}                       # why it is in its state

| to | do |
|---|---|
| have it looked at now | `kubectl setpoint reconcile {name}`, or set the annotation `setpoint.dev/requestedAt` (or Flux's `reconcile.fluxcd.io/requestedAt`) to a new value; `status.lastHandledReconcileAt` echoes it |
| see what would change | `mode: Plan`, then `kubectl setpoint plan {name}` |
| approve a change that waits | `kubectl setpoint approve {name}`, or the annotation `setpoint.dev/approve` with the plan's digest |
| stop all work on it | `suspend: true`, or `kubectl setpoint suspend {name}` |
| have everything put back when it is deleted | `deletionPolicy: Revert`, before it is deleted; the annotation `setpoint.dev/abandon` gives that up at once |
| not be told about an alert | `alerts.silences`, or `kubectl setpoint silence {name}`: [alerts](../alerts.md) |

When it is not ready: [troubleshooting by reason](../troubleshooting.md).
"""


def pages() -> dict[str, str]:
    """File name → text."""
    return {f"{kind.names.singular}.md": _page(kind) for kind in KINDS}


def _page(kind: KindModel) -> str:
    names = kind.names
    version = manifest(kind)["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    sample = (ROOT / f"deploy/samples/{names.singular}.yaml").read_text(encoding="utf-8")
    example = "\n".join(line for line in sample.splitlines() if not line.startswith("#")).strip()
    columns = "\n".join(
        f"| {column['name'].upper()} | `{column['jsonPath']}` |"
        for column in version["additionalPrinterColumns"]
    )
    name = next(line for line in example.splitlines() if "name:" in line)
    name = name.partition("name:")[2].strip(" ,}").partition(",")[0]
    parts = (
        f"# {names.kind}",
        schema["description"],
        f"Guides: {GUIDES[names.kind]}. Short name: `{names.short[0]}`.",
        f"## Example\n\n```yaml\n{example}\n```",
        "## Spec\n\nA field without a default is left out when it is not wanted.\n\n"
        "| field | type | default | meaning |\n|---|---|---|---|\n"
        + "\n".join(_rows(schema["properties"]["spec"], "", with_default=True)),
        "## Status\n\n| field | type | meaning |\n|---|---|---|\n"
        + "\n".join(_rows(schema["properties"]["status"], "", with_default=False)),
        f"`kubectl get {names.plural}` shows:\n\n| column | from |\n|---|---|\n{columns}",
        _WORKING.format(plural=names.plural, singular=names.singular, name=name),
    )
    return "\n\n".join(parts)


def _rows(schema: dict[str, Any], path: str, *, with_default: bool) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        here = f"{path}{name}"
        items = field.get("items", {})
        default = "required" if name in required else _default(field)
        shown = f" {default} |" if with_default else ""
        meaning = " ".join(str(field.get("description", "")).split()).replace("|", "\\|")
        yield f"| `{here}` | {_type(field)} |{shown} {meaning} |"
        yield from _rows(field, f"{here}.", with_default=with_default)
        yield from _rows(items, f"{here}[].", with_default=with_default)


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or field["default"] in ({}, []) or "properties" in field:
        return ""
    return f"`{str(field['default']).lower() if isinstance(field['default'], bool) else field['default']}`"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "number or text"
    kind = field.get("type", "")
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if field.get("format") == "date-time":
        return "time"
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    return words.get(kind, str(kind))


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for file, text in pages().items():
        (REFERENCE / file).write_text(text, encoding="utf-8")
