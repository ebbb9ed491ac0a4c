"""CustomResourceDefinitions from the pydantic models: structural, closed, every field described."""

from dataclasses import dataclass
from typing import Any, Protocol

from setpoint.api import GROUP, VERSION


@dataclass(frozen=True)
class Names:
    """How a kind is called."""

    kind: str
    plural: str
    singular: str
    short: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; priority 1 shows with -o wide only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


class KindModel(Protocol):
    """A pydantic model of a kind, with its names and columns."""

    names: Names
    columns: tuple[Column, ...]

    def model_json_schema(self, *, by_alias: bool, mode: Any) -> dict[str, Any]:
        """Pydantic's own."""


_COMMON_COLUMNS = (
    Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    Column("Suspended", ".spec.suspend", "boolean", 1),
    Column("Message", ".status.conditions[?(@.type=='Ready')].message", priority=1),
    Column("Age", ".metadata.creationTimestamp", "date"),
)

# Keywords of JSON schema that a structural schema takes over as they are.
_KEEP = {
    "type", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "maxProperties", "enum", "description", "example",
}  # fmt: skip


def manifest(kind: KindModel) -> dict[str, Any]:
    """The CustomResourceDefinition of `kind`, as a manifest."""
    names = kind.names
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.kind,
                "listKind": f"{names.kind}List",
                "plural": names.plural,
                "singular": names.singular,
                "shortNames": list(names.short),
                "categories": ["setpoint"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        _column(column) for column in (*kind.columns, *_COMMON_COLUMNS)
                    ],
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def _column(column: Column) -> dict[str, Any]:
    out: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return out | ({"priority": column.priority} if column.priority else {})


def _root(kind: KindModel) -> dict[str, Any]:
    # Only the serialization mode writes defaults as a user would, `1m` and not `PT1M`.
    raw = kind.model_json_schema(by_alias=True, mode="serialization")
    root = _structural(raw, raw.get("$defs", {}))
    root["properties"]["status"] = _without_defaults(root["properties"]["status"])
    # kstatus and Flux take a resource without this for one that is ready.
    root["properties"]["status"]["default"] = {"observedGeneration": -1}
    return root


def _without_null(value: Any) -> Any:
    """A default as a user would write it: the API server refuses null when it is applied again."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return value


def _without_defaults(node: Any) -> Any:
    """A status schema: what its writer leaves out stays out."""
    if isinstance(node, dict):
        return {
            key: _without_defaults(value)
            for key, value in node.items()
            if key != "default" or (isinstance(value, dict) and "type" in value)
        }
    return [_without_defaults(item) for item in node] if isinstance(node, list) else node


def _structural(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """`node` of pydantic's JSON schema as a structural schema: references resolved, no null."""
    node = _resolve(node, defs)
    out = {key: value for key, value in node.items() if key in _KEEP or key.startswith("x-")}
    if node.get("default") is not None:
        out["default"] = _without_null(node["default"])
    if "properties" in node:
        out["properties"] = {k: _structural(v, defs) for k, v in node["properties"].items()}
        if node.get("required"):
            out["required"] = node["required"]
    if "items" in node:
        out["items"] = _structural(node["items"], defs)
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _structural(node["additionalProperties"], defs)
    return out


def _resolve(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """`node` with `$ref` and `X | None` replaced by X; what stands beside them wins."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf", "allOf")}
    if "$ref" in node:
        return _resolve(defs[node["$ref"].rsplit("/", 1)[-1]], defs) | beside
    if "anyOf" in node:
        [inner] = [option for option in node["anyOf"] if option.get("type") != "null"]
        return _resolve(inner, defs) | beside
    return node
