"""A statement's parse tree, by libpg_query: the server's own parser, version 17. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pgparse

from setpoint.database.indexes.errors import UnanalysableError

MAX_TEXT = 100_000
"""Bytes. The parser is C: within this, the deepest text was found to leave its stack unharmed."""

Node = Mapping[str, Any]
Name = tuple[str | None, str]
"""Schema, as far as it is written, and name."""


@dataclass(frozen=True, slots=True)
class Named:
    """Something that is named in the text. `location` is where its name begins."""

    name: Name
    location: int


@dataclass
class Tree:
    """One statement, and all that it names.

    `kind` is the parser's, such as SelectStmt. Relations leave out the names of its CTEs.
    """

    kind: str
    root: Node
    relations: list[Named] = field(default_factory=list)
    functions: list[Named] = field(default_factory=list)
    operators: list[Named] = field(default_factory=list)
    types: list[Named] = field(default_factory=list)
    samplers: list[Named] = field(default_factory=list)
    parameters: int = 0
    writes_inside: bool = False
    """Whether a CTE writes."""


def parse(text: bytes) -> Tree:
    """The tree of a text with exactly one statement. Raises UnanalysableError."""
    if len(text) > MAX_TEXT:
        raise UnanalysableError(f"its text is longer than {MAX_TEXT // 1000} kB")
    if b"\0" in text:
        raise UnanalysableError("its text holds a NUL character")
    try:
        statements = pgparse.parse(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnanalysableError("its text is not UTF-8") from None
    except pgparse.PGQueryError:
        raise UnanalysableError(
            "its text is no SQL that PostgreSQL 17 parses: it is cut off, or its constants were "
            "replaced where none may stand"
        ) from None
    except RecursionError:
        raise UnanalysableError("its text is nested too deeply") from None
    if len(statements) != 1:
        raise UnanalysableError("its text is not exactly one statement")
    [(kind, root)] = statements[0]["stmt"].items()
    tree = Tree(kind, root)
    try:
        _collect(root, frozenset(), tree)
    except RecursionError:
        raise UnanalysableError("its text is nested too deeply") from None
    return tree


def strings(nodes: Sequence[Node]) -> list[str]:
    """The parts of a name."""
    return [str(node["String"].get("sval", "")) for node in nodes if "String" in node]


def name_of(nodes: Sequence[Node]) -> Name:
    """A name of one or two parts; a longer one ends with them."""
    parts = strings(nodes)
    return (parts[-2] if len(parts) > 1 else None, parts[-1] if parts else "")


def children(node: Any) -> Iterator[Any]:
    """What a node holds."""
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def ctes_of(node: Node) -> list[Node]:
    """The common table expressions of a statement."""
    with_clause = node.get("withClause") or {}
    return [entry["CommonTableExpr"] for entry in with_clause.get("ctes", ())]


_WRITES = ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")


def _collect(node: Any, ctes: frozenset[str], tree: Tree) -> None:
    """Note what is named below `node`, where the names of `ctes` stand for their queries."""
    if isinstance(node, list):
        for child in node:
            _collect(child, ctes, tree)
        return
    if not isinstance(node, dict):
        return
    _note(node, ctes, tree)
    if "withClause" in node:
        ctes = _collect_ctes(node, ctes, tree)
    for key, child in node.items():
        if key != "withClause":
            _collect(child, ctes, tree)


def _collect_ctes(node: Node, ctes: frozenset[str], tree: Tree) -> frozenset[str]:
    """Each sees those before it; in a recursive list, all of them."""
    own = ctes_of(node)
    names = frozenset(str(cte["ctename"]) for cte in own)
    is_recursive = bool(node["withClause"].get("recursive"))
    for cte in own:
        query = cte["ctequery"]
        tree.writes_inside = tree.writes_inside or any(kind in query for kind in _WRITES)
        _collect(cte, ctes | names if is_recursive else ctes, tree)
        ctes |= {str(cte["ctename"])}
    return ctes


def _note(node: Node, ctes: frozenset[str], tree: Tree) -> None:
    location = int(node.get("location", 0))
    if "relname" in node and "relpersistence" in node:
        name = (node.get("schemaname"), str(node["relname"]))
        if name[0] is not None or name[1] not in ctes:
            tree.relations.append(Named(name, location))
    if "funcname" in node:
        tree.functions.append(Named(name_of(node["funcname"]), location))
    if "lexpr" in node or ("rexpr" in node and "kind" in node):
        operator = name_of(node.get("name", ()))
        tree.operators.append(Named(operator, location))
    for key in ("operName", "useOp"):
        if node.get(key):
            tree.operators.append(Named(name_of(node[key]), -1))
    if "typemod" in node and "names" in node:
        tree.types.append(Named(name_of(node["names"]), location))
    if "RangeTableSample" in node:
        tree.samplers.append(Named(name_of(node["RangeTableSample"].get("method", ())), -1))
    if "ParamRef" in node:
        tree.parameters = max(tree.parameters, int(node["ParamRef"].get("number", 0)))
