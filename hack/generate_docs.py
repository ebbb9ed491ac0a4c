"""Docs that come from models and rules: python hack/generate_docs.py."""

from pathlib import Path
from typing import Any

from setpoint.api.dbtuning import Analysis
from setpoint.config import Config
from setpoint.database.rules import RULES

DOCS = Path(__file__).parent.parent / "docs"

_HEAD = """# The operator's configuration

One YAML file, given by `setpoint run --config FILE`. It is written by whoever runs the operator, and decides what the resources
of each namespace may reach. A field that is not known, or a value that is wrong, is refused at the start with its path; while
the operator runs, a changed file that is wrong is logged, and the former one stays in force.

| field | type | default | meaning |
|---|---|---|---|
"""

_TAIL = """
Durations are written `30s`, `5m`, `1h30m`. Namespaces may end in `*`. Loopback, link-local (with the cloud's metadata service),
multicast and reserved addresses are refused unless `networks.allow` has them; the Kubernetes API server is always refused.

An example:

```yaml
aws: {region: eu-central-1}
grants:
  - namespaces: [shop]
    role: arn:aws:iam::123456789012:role/shop-scaling
    externalId: from-the-roles-trust-policy
    regions: [eu-central-1]
    resources: ["service/prod/*", "db:orders", "replicationgroup:carts"]
slack:
  tokenFile: /var/run/secrets/slack/token
  channels:
    - {namespaces: [shop], channels: [C0123456789]}
networks:
  deny: [10.9.0.0/16]
```
"""


def configuration() -> str:
    """The page."""
    schema = Config.model_json_schema(by_alias=True, mode="serialization")
    return _HEAD + "".join(_rows(schema, schema.get("$defs", {}), "")) + _TAIL


def _rows(node: dict[str, Any], defs: dict[str, Any], path: str) -> list[str]:
    rows = []
    for name, field in node.get("properties", {}).items():
        inner = _resolve(field, defs)
        here = f"{path}{name}"
        text = " ".join(str(field.get("description", "")).split())
        if "properties" in inner:
            rows += _rows(inner, defs, f"{here}.")
            continue
        item = _resolve(inner.get("items", {}), defs)
        if "properties" in item:
            rows += [f"| `{here}[]` | list | | {text} |\n", *_rows(item, defs, f"{here}[].")]
            continue
        default = field.get("default")
        shown = "" if default in (None, []) else f"`{_plain(default)}`"
        rows.append(f"| `{here}` | {_type(inner)} | {shown} | {text} |\n")
    return rows


def _plain(value: object) -> str:
    """As YAML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(node: dict[str, Any]) -> str:
    if node.get("type") == "array":
        return "list of texts"
    if node.get("type") == "boolean":
        return "true or false"
    if node.get("example") == "5m":
        return "duration"
    return {"string": "text", "integer": "number"}.get(str(node.get("type")), "text")


def _resolve(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return _resolve(defs[node["$ref"].rsplit("/", 1)[-1]], defs)
    for option in node.get("anyOf", []):
        if option.get("type") != "null":
            return _resolve(option, defs)
    return node


def database() -> str:
    """docs/database.md with its two generated tables."""
    text = (DOCS / "database.md").read_text(encoding="utf-8")
    rules = "| finding | when | needs |\n|---|---|---|\n" + "".join(
        f"| `{rule.id}` | {rule.when} | {f'`{rule.needs}`' if rule.needs else ''} |\n"
        for rule in RULES
    )
    schema = Analysis.model_json_schema(by_alias=True, mode="serialization")
    defs = schema.get("$defs", {})
    defaults = Analysis().wire()
    thresholds = "| field of `spec.analysis` | default | meaning |\n|---|---|---|\n" + "".join(
        f"| `{path}` | `{default}` | {meaning} |\n"
        for path, default, meaning in _thresholds(schema, defs, defaults, "")
    )
    return _between(_between(text, "findings", rules), "thresholds", thresholds)


def _thresholds(
    node: dict[str, Any], defs: dict[str, Any], defaults: dict[str, Any], path: str
) -> list[tuple[str, Any, str]]:
    rows: list[tuple[str, Any, str]] = []
    for name, field in node.get("properties", {}).items():
        inner = _resolve(field, defs)
        if "properties" in inner:
            rows += _thresholds(inner, defs, defaults[name], f"{path}{name}.")
        else:
            rows.append((f"{path}{name}", defaults[name], " ".join(field["description"].split())))
    return rows


def _between(text: str, name: str, table: str) -> str:
    """`text` with the table between the marks of that name."""
    begin, end = f"<!-- {name}: generated -->\n", f"<!-- end of {name} -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return head + begin + table + end + tail


if __name__ == "__main__":
    (DOCS / "configuration.md").write_text(configuration(), encoding="utf-8")
    (DOCS / "database.md").write_text(database(), encoding="utf-8")
