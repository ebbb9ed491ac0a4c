"""Types for parameters that the server cannot tell the type of. Pure.

Constants had types of their own where `$1` has none: `$1 - $2` fits many operators. What stands
beside tells: the column that the result is compared with, or that a sum is made of it.
"""

from collections.abc import Mapping
from typing import Any

from setpoint.database.indexes.lexer import Edit, spliced, tokens
from setpoint.database.indexes.tree import Node, children, strings

_ARITHMETIC = frozenset("+-*/%^")
_NUMERIC_FUNCTIONS_TEXT = "sum avg round abs ceil floor stddev variance mod power"
_ANY_FUNCTIONS_TEXT = (
    "concat concat_ws format json_build_array jsonb_build_array json_build_object "
    "jsonb_build_object num_nulls num_nonnulls"
)
_ANY_FUNCTIONS = frozenset(_ANY_FUNCTIONS_TEXT.split())
"""Whose arguments are of any type, which the server then cannot tell."""
_NUMERIC_FUNCTIONS = frozenset(_NUMERIC_FUNCTIONS_TEXT.split())
_MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")


def renumbered(text: bytes) -> tuple[bytes, int]:
    """The text with its parameters numbered without gaps, and how many there are."""
    if b"$" not in text:
        return text, 0
    places = [token for token in tokens(text) if token.kind == "param"]
    found = {text[token.start : token.end] for token in places}
    ordered = sorted(found, key=lambda n: int(n[1:]))
    numbers = {number: place for place, number in enumerate(ordered, start=1)}
    edits = [
        Edit(token.start, token.end, f"${numbers[text[token.start : token.end]]}".encode())
        for token in places
    ]
    return spliced(text, edits), len(numbers)


def typed(text: bytes, root: Node, types: Mapping[str, str]) -> bytes:
    """The text with casts where parameters need them; `types` are those of columns by name."""
    found: dict[int, str] = {}
    _visit(root, "", types, found)
    edits = []
    for token in tokens(text):
        if token.kind == "param" and token.start in found:
            kind = found[token.start].encode()
            own = text[token.start : token.end]
            edits.append(Edit(token.start, token.end, b"CAST(" + own + b" AS " + kind + b")"))
    return spliced(text, edits)


def _visit(node: Any, wanted: str, types: Mapping[str, str], found: dict[int, str]) -> None:
    """Note types below a node whose value should be of the type `wanted`, if one is known."""
    if isinstance(node, dict):
        for kind, inner in node.items():
            match kind:
                case "A_Expr":
                    _expression(inner, wanted, types, found)
                case "FuncCall":
                    name = (strings(inner["funcname"]) or [""])[-1]
                    own = "numeric" if name in _NUMERIC_FUNCTIONS else ""
                    for argument in inner.get("args", ()) if name in _ANY_FUNCTIONS else ():
                        _cast(argument, "text", found)
                    _visit(inner, own, types, found)
                case "CaseExpr":
                    _case(inner, wanted, types, found)
                case "SelectStmt" | "TypeCast" | "SubLink":
                    _visit(inner, "", types, found)
                case _:
                    _visit(inner, wanted, types, found)
    else:
        for child in children(node):
            _visit(child, wanted, types, found)


def _expression(node: Node, wanted: str, types: Mapping[str, str], found: dict[int, str]) -> None:
    operator = (strings(node.get("name", ())) or [""])[-1]
    sides = [node.get("lexpr"), node.get("rexpr")]
    if operator not in _ARITHMETIC:
        own = next((t for side in sides if (t := _type_of(side, types))), "")
        for side in sides:
            _visit(side, own, types, found)
        return
    if all(_is_untyped(side) for side in sides if side):
        is_moment = wanted in _MOMENTS and operator in "+-"
        kinds = (wanted, "interval") if is_moment else (wanted or "numeric",) * 2
        for side, kind in zip(sides, kinds, strict=True):
            _cast(side, kind, found)
    for side, other in zip(sides, reversed(sides), strict=True):
        own = _type_of(other, types)
        if own in _MOMENTS:
            _cast(side, "integer" if own == "date" else "interval", found)
    for side in sides:
        _visit(side, wanted, types, found)


def _case(node: Node, wanted: str, types: Mapping[str, str], found: dict[int, str]) -> None:
    results = [entry["CaseWhen"].get("result") for entry in node.get("args", ())]
    results.append(node.get("defresult"))
    if wanted and all(_is_untyped(result) for result in results if result):
        for result in results:
            _cast(result, wanted, found)
    _visit(node, wanted, types, found)


def _cast(node: Any, kind: str, found: dict[int, str]) -> None:
    if isinstance(node, dict) and "ParamRef" in node:
        found[int(node["ParamRef"].get("location", 0))] = kind


def _is_untyped(node: Any) -> bool:
    return isinstance(node, dict) and ("ParamRef" in node or "A_Const" in node)


def _type_of(node: Any, types: Mapping[str, str]) -> str:
    if isinstance(node, dict) and "ColumnRef" in node:
        return types.get((strings(node["ColumnRef"]["fields"]) or [""])[-1], "")
    return ""
