"""Which columns of which tables a statement looks at, and how. Pure.

The tree's names are followed through aliases, joins, subqueries, CTEs and views down to columns of
tables; what a subquery computes leads nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.facts import TableFacts, Tables
from setpoint.database.indexes.tree import Node, children, ctes_of, parse, strings

_MAX_VIEWS = 20


@dataclass
class Use:
    """One place of a table in a statement: its columns by what is asked of them.

    `joins` by the place they are joined with. `orders` and `groups` are lists of columns;
    a descending one is marked. `needed` are all that are read.
    """

    table: TableFacts
    equal: set[str] = field(default_factory=set)
    ranges: set[str] = field(default_factory=set)
    either: set[str] = field(default_factory=set)
    joins: dict[str, set[int]] = field(default_factory=dict)
    orders: list[tuple[tuple[str, bool], ...]] = field(default_factory=list)
    groups: list[tuple[str, ...]] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)


Origin = tuple[int, str]
"""The number of a use, and the name of a column of it."""

Origins = tuple[Origin, ...]
"""Several for a column of a UNION."""


@dataclass
class _Source:
    """An entry of FROM: its columns in order, and where each comes from."""

    name: str
    columns: list[tuple[str, Origins]]

    def find(self, column: str) -> Origins | None:
        return next((origins for name, origins in self.columns if name == column), None)


@dataclass
class _Scope:
    sources: list[_Source]
    outer: "_Scope | None"
    ctes: Mapping[str, list[tuple[str, Origins]]]


def uses(root: Node, tables: Tables) -> list[Use]:
    """The places of tables in a SELECT. Raises UnanalysableError where it cannot be followed."""
    resolver = _Resolver(tables)
    try:
        outputs = resolver.select(root, None, {})
    except RecursionError:
        raise UnanalysableError("its text is nested too deeply") from None
    for _, origins in outputs:
        resolver.need(origins)
    return resolver.uses


class _Resolver:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.uses: list[Use] = []
        self._views = 0

    def need(self, origins: Origins) -> None:
        for number, column in origins:
            self.uses[number].needed.add(column)

    def select(
        self, node: Node, outer: _Scope | None, ctes: Mapping[str, list[tuple[str, Origins]]]
    ) -> list[tuple[str, Origins]]:
        """Its output columns. Plain ones are needed only once somebody asks for them."""
        ctes = self._ctes(node, outer, ctes)
        if node.get("op", "SETOP_NONE") != "SETOP_NONE":
            return self._union(node, outer, ctes)
        scope = _Scope([], outer, ctes)
        conditions: list[Any] = []
        for entry in node.get("fromClause", ()):
            self._from(entry, scope, conditions)
        for condition in [*conditions, node.get("whereClause")]:
            self._condition(condition, scope)
        outputs = self._targets(node, scope)
        self._order_and_group(node, scope, outputs)
        for key in ("havingClause", "valuesLists", "limitCount", "limitOffset", "windowClause"):
            self._expression(node.get(key), scope)
        return outputs

    def _union(
        self, node: Node, outer: _Scope | None, ctes: Mapping[str, list[tuple[str, Origins]]]
    ) -> list[tuple[str, Origins]]:
        left = self.select(node["larg"], outer, ctes)
        right = self.select(node["rarg"], outer, ctes)
        if not node.get("all"):
            for _, origins in [*left, *right]:
                self.need(origins)
        if len(left) != len(right):
            return [(name, ()) for name, _ in left]
        return [(name, one + two) for (name, one), (_, two) in zip(left, right, strict=True)]

    def _ctes(
        self,
        node: Node,
        outer: _Scope | None,
        ctes: Mapping[str, list[tuple[str, Origins]]],
    ) -> Mapping[str, list[tuple[str, Origins]]]:
        known = dict(ctes)
        for cte in ctes_of(node):
            query = cte["ctequery"].get("SelectStmt")
            name = str(cte["ctename"])
            if query is None:
                known[name] = []
                continue
            if node["withClause"].get("recursive"):
                # What the recursion refers to is a work table: its columns lead nowhere.
                first = query.get("larg", query)
                names = [n for n, _ in _Resolver(self.tables).select(first, outer, known)]
                known[name] = _renamed([(n, ()) for n in names], cte.get("aliascolnames", ()))
            known[name] = _renamed(self.select(query, outer, known), cte.get("aliascolnames", ()))
        return known

    def _from(self, entry: Node, scope: _Scope, conditions: list[Any]) -> None:
        [(kind, node)] = entry.items()
        match kind:
            case "RangeVar":
                scope.sources.append(self._relation(node, scope))
            case "JoinExpr":
                self._join(node, scope, conditions)
            case "RangeSubselect":
                columns = self.select(node["subquery"]["SelectStmt"], scope, scope.ctes)
                scope.sources.append(_aliased(node.get("alias"), "", columns))
            case "RangeTableSample":
                self._from(node["relation"], scope, conditions)
            case _:
                self._expression(node, scope)
                scope.sources.append(_aliased(node.get("alias"), "", []))

    def _relation(self, node: Node, scope: _Scope) -> _Source:
        schema, name = node.get("schemaname"), str(node["relname"])
        if schema is None and name in scope.ctes:
            return _aliased(node.get("alias"), name, scope.ctes[name])
        table = self.tables.find(schema, name)
        if table is None:
            return _aliased(node.get("alias"), name, [])
        if table.is_view and table.view:
            return _aliased(node.get("alias"), name, self._view(table))
        number = len(self.uses)
        self.uses.append(Use(table))
        columns: list[tuple[str, Origins]] = [
            (column, ((number, column),)) for column in table.columns
        ]
        return _aliased(node.get("alias"), name, columns)

    def _view(self, table: TableFacts) -> list[tuple[str, Origins]]:
        self._views += 1
        if self._views > _MAX_VIEWS:
            raise UnanalysableError("it reads more than 20 views")
        outputs = self.select(parse(table.view.rstrip("; \n").encode()).root, None, {})
        names = list(table.columns)
        if len(names) != len(outputs):
            return outputs
        return [(name, origins) for name, (_, origins) in zip(names, outputs, strict=True)]

    def _join(self, node: Node, scope: _Scope, conditions: list[Any]) -> None:
        begin = len(scope.sources)
        self._from(node["larg"], scope, conditions)
        middle = len(scope.sources)
        self._from(node["rarg"], scope, conditions)
        left, right = scope.sources[begin:middle], scope.sources[middle:]
        shared = strings(node.get("usingClause", ()))
        if node.get("isNatural"):
            own = {name for source in right for name, _ in source.columns}
            shared = [n for source in left for n, _ in source.columns if n in own]
        for name in shared:
            one, two = _first(left, name), _first(right, name)
            self.need(one + two)
            self._equate(one, two)
        if "quals" in node:
            conditions.append(node["quals"])
        if alias := node.get("alias"):
            columns = [column for source in left + right for column in source.columns]
            scope.sources[begin:] = [_aliased(alias, "", columns)]

    # Conditions

    def _condition(self, node: Any, scope: _Scope) -> None:
        """One that must hold: what it asks of columns."""
        if not node:
            return
        [(kind, inner)] = node.items()
        match kind:
            case "BoolExpr" if inner["boolop"] == "AND_EXPR":
                for part in inner["args"]:
                    self._condition(part, scope)
                return
            case "BoolExpr" if inner["boolop"] == "OR_EXPR":
                self._either(inner["args"], scope)
            case "A_Expr":
                self._comparison(inner, scope)
            case "SubLink":
                self._sublink(inner, scope)
                return
            case "NullTest" if inner["nulltesttype"] == "IS_NULL":
                self._ask(self._column(inner["arg"], scope), "equal")
            case "ColumnRef" | "BooleanTest":
                self._ask(self._column(inner.get("arg", node), scope), "equal")
            case _:
                pass
        self._expression(node, scope)

    def _either(self, branches: Iterable[Any], scope: _Scope) -> None:
        """Branches of an OR: each can be looked up by itself. What all share must hold."""
        asked = [self._asked(branch, scope) for branch in branches]
        shared = set(asked[0]).intersection(*asked[1:]) if asked else set()
        for origins in asked:
            for (number, column), role in origins.items():
                use = self.uses[number]
                if (number, column) in shared:
                    self._ask(((number, column),), role)
                else:
                    use.either.add(column)

    def _asked(self, node: Any, scope: _Scope) -> dict[Origin, str]:
        """What one branch of an OR asks."""
        found: dict[Origin, str] = {}
        [(kind, inner)] = node.items()
        if kind == "BoolExpr" and inner["boolop"] != "NOT_EXPR":
            for part in inner["args"]:
                found |= self._asked(part, scope)
        elif kind == "A_Expr":
            for origins, role, other in self._comparisons(inner, scope):
                found |= dict.fromkeys([*origins, *other], "joined" if other else role)
        elif kind == "NullTest" and inner["nulltesttype"] == "IS_NULL":
            found |= dict.fromkeys(self._column(inner["arg"], scope), "equal")
        return found

    def _comparison(self, node: Node, scope: _Scope) -> None:
        for origins, role, other in self._comparisons(node, scope):
            if other:
                self._equate(origins, other)
            else:
                self._ask(origins, role)

    def _comparisons(self, node: Node, scope: _Scope) -> list[tuple[Origins, str, Origins]]:
        """What a comparison asks: of these columns, this; equal to those others, if any."""
        kind = node["kind"]
        operator = strings(node.get("name", ()))[-1:] or [""]
        left, right = node.get("lexpr"), node.get("rexpr")
        column = self._column(left, scope)
        match kind:
            case "AEXPR_OP" if operator == ["="]:
                return self._equality(left, right, scope)
            case "AEXPR_OP" if operator[0] in ("<", ">", "<=", ">="):
                sides = [column, self._column(right, scope)]
                return [(side, "ranges", ()) for side in sides if side]
            case "AEXPR_IN" | "AEXPR_OP_ANY" if operator == ["="]:
                return [(side, "equal", ()) for side in self._sides(left, scope)]
            case "AEXPR_BETWEEN" | "AEXPR_BETWEEN_SYM":
                return [(column, "ranges", ())]
            case "AEXPR_LIKE" if operator == ["~~"]:
                return [(self._by_bytes(column), "ranges", ())]
            case "AEXPR_NOT_DISTINCT":
                return self._equality(left, right, scope)
        return []

    def _equality(self, left: Any, right: Any, scope: _Scope) -> list[tuple[Origins, str, Origins]]:
        if left and right and "RowExpr" in left and "RowExpr" in right:
            pairs = zip(left["RowExpr"]["args"], right["RowExpr"]["args"], strict=False)
            return [asked for one, two in pairs for asked in self._equality(one, two, scope)]
        one, two = self._column(left, scope), self._column(right, scope)
        if one and two:
            return [(one, "equal", two)]
        found: list[tuple[Origins, str, Origins]] = []
        for side, other in ((one, right), (two, left)):
            if side:
                partners = self._referenced(other, scope)
                own = {number for number, _ in side}
                if not any(number in own for number, _ in partners):
                    found.append((side, "joined" if partners else "equal", ()))
        return found

    def _sides(self, left: Any, scope: _Scope) -> list[Origins]:
        if left and "RowExpr" in left:
            return [self._column(part, scope) for part in left["RowExpr"]["args"]]
        return [self._column(left, scope)]

    def _by_bytes(self, origins: Origins) -> Origins:
        return tuple(
            (number, column)
            for number, column in origins
            if self.uses[number].table.columns[column].sorts_by_bytes
        )

    def _sublink(self, node: Node, scope: _Scope) -> None:
        query = node["subselect"]["SelectStmt"]
        outputs = self.select(query, scope, scope.ctes)
        kind = node["subLinkType"]
        test = node.get("testexpr")
        self._expression(test, scope)
        if kind != "EXISTS_SUBLINK":
            for _, origins in outputs:
                self.need(origins)
        operator = strings(node.get("operName", ()))
        if kind == "ANY_SUBLINK" and operator in ([], ["="]) and test:
            sides = self._sides(test, scope)
            for side, (_, origins) in zip(sides, outputs, strict=False):
                if side and origins:
                    self._equate(side, origins)
                else:
                    self._ask(side or origins, "joined")

    def _ask(self, origins: Origins, role: str) -> None:
        for number, column in origins:
            use = self.uses[number]
            if role == "joined":
                use.joins.setdefault(column, set()).add(-1)
            elif role == "equal":
                use.equal.add(column)
            else:
                use.ranges.add(column)

    def _equate(self, one: Origins, two: Origins) -> None:
        for left in one:
            for right in two:
                for (number, column), (other, _) in ((left, right), (right, left)):
                    if number != other:
                        self.uses[number].joins.setdefault(column, set()).add(other)

    # Expressions

    def _expression(self, node: Any, scope: _Scope) -> None:
        """Anything else: its columns are read, its subqueries are statements of their own."""
        if isinstance(node, dict):
            if "ColumnRef" in node:
                self._read(node["ColumnRef"], scope)
                return
            if "SubLink" in node:
                self._sublink(node["SubLink"], scope)
                return
            if "SelectStmt" in node:
                for _, origins in self.select(node["SelectStmt"], scope, scope.ctes):
                    self.need(origins)
                return
            if "FuncCall" in node:
                self._extreme(node["FuncCall"], scope)
        for child in children(node):
            self._expression(child, scope)

    def _extreme(self, node: Node, scope: _Scope) -> None:
        """min(x) and max(x) are the first of an order."""
        if strings(node["funcname"])[-1] in ("min", "max") and len(node.get("args", ())) == 1:
            for number, column in self._column(node["args"][0], scope):
                self.uses[number].orders.append(((column, False),))

    def _read(self, node: Node, scope: _Scope) -> None:
        for origins in self._columns(node, scope):
            self.need(origins)

    def _columns(self, node: Node, scope: _Scope) -> list[Origins]:
        """Of a reference: one column, or all of a star."""
        fields = node["fields"]
        names = strings(fields)
        if "A_Star" in fields[-1]:
            sources = [s for s in scope.sources if not names or s.name == names[-1]]
            return [origins for source in sources for _, origins in source.columns]
        origins = self._find(names, scope)
        if origins is None:  # a row as a whole
            source = _named(names[-1], scope)
            return [o for _, o in source.columns] if source else []
        return [origins]

    def _find(self, names: Sequence[str], scope: _Scope | None) -> Origins | None:
        while scope is not None:
            for source in scope.sources:
                if len(names) == 1 or source.name == names[-2]:
                    origins = source.find(names[-1])
                    if origins is not None:
                        return origins
            scope = scope.outer
        return None

    def _column(self, node: Any, scope: _Scope) -> Origins:
        """A bare column's origins; nothing for another expression."""
        if not isinstance(node, dict) or "ColumnRef" not in node:
            return ()
        fields = node["ColumnRef"]["fields"]
        if "A_Star" in fields[-1]:
            return ()
        return self._find(strings(fields), scope) or ()

    def _referenced(self, node: Any, scope: _Scope) -> set[Origin]:
        """All columns of an expression, but for those of its subqueries."""
        if isinstance(node, dict):
            if "ColumnRef" in node:
                return {o for origins in self._columns(node["ColumnRef"], scope) for o in origins}
            if "SubLink" in node:
                return set()
        found: set[Origin] = set()
        for child in children(node):
            found |= self._referenced(child, scope)
        return found

    # Targets, order, groups

    def _targets(self, node: Node, scope: _Scope) -> list[tuple[str, Origins]]:
        outputs: list[tuple[str, Origins]] = []
        for target in node.get("targetList", ()):
            result = target["ResTarget"]
            value = result.get("val")
            if value and "ColumnRef" in value:
                fields = value["ColumnRef"]["fields"]
                names = strings(fields)
                if "A_Star" in fields[-1]:
                    sources = [s for s in scope.sources if not names or s.name == names[-1]]
                    outputs += [column for source in sources for column in source.columns]
                    continue
                origins = self._find(names, scope)
                if origins is not None:
                    outputs.append((result.get("name") or names[-1], origins))
                    continue
            self._expression(value, scope)
            outputs.append((result.get("name") or _implicit_name(value), ()))
        for row in node.get("valuesLists", ())[:1]:
            items = row["List"]["items"]
            outputs += [(f"column{place + 1}", ()) for place in range(len(items))]
        return outputs

    def _order_and_group(
        self, node: Node, scope: _Scope, outputs: list[tuple[str, Origins]]
    ) -> None:
        groups = [self._output(item, scope, outputs) for item in node.get("groupClause", ())]
        distinct = node.get("distinctClause")
        if distinct is not None:
            items = [item for item in distinct if item]
            chosen = [self._output(item, scope, outputs) for item in items]
            groups += chosen or [origins for _, origins in outputs]
        self._grouped(groups)
        order = [
            (self._output(item["SortBy"]["node"], scope, outputs), _descends(item["SortBy"]))
            for item in node.get("sortClause", ())
        ]
        self._ordered(order)

    def _grouped(self, groups: Sequence[Origins]) -> None:
        by_use: dict[int, list[str]] = {}
        for origins in groups:
            self.need(origins)
            for number, column in origins:
                columns = by_use.setdefault(number, [])
                if column not in columns:
                    columns.append(column)
        for number, columns in by_use.items():
            self.uses[number].groups.append(tuple(columns))

    def _ordered(self, order: Sequence[tuple[Origins, bool]]) -> None:
        keys: list[tuple[str, bool]] = []
        first: int | None = None
        for origins, descends in order:
            self.need(origins)
            if len(origins) != 1 or first not in (None, origins[0][0]):
                break
            first = origins[0][0]
            if origins[0][1] not in [column for column, _ in keys]:
                keys.append((origins[0][1], descends))
        for origins, _ in order[len(keys) :]:
            self.need(origins)
        if first is not None:
            self.uses[first].orders.append(tuple(keys))

    def _output(self, item: Any, scope: _Scope, outputs: list[tuple[str, Origins]]) -> Origins:
        """What an item of ORDER BY or GROUP BY means: a number, an output's name, a column."""
        if "A_Const" in item:
            number = int((item["A_Const"].get("ival") or {}).get("ival", 0))
            return outputs[number - 1][1] if 0 < number <= len(outputs) else ()
        if "ColumnRef" in item:
            names = strings(item["ColumnRef"]["fields"])
            if len(names) == 1:
                named = [origins for name, origins in outputs if name == names[0]]
                if named and named[0]:
                    return named[0]
            return self._column(item, scope)
        self._expression(item, scope)
        return ()


def _aliased(alias: Any, name: str, columns: list[tuple[str, Origins]]) -> _Source:
    if not alias:
        return _Source(name, list(columns))
    return _Source(str(alias["aliasname"]), _renamed(columns, alias.get("colnames", ())))


def _renamed(
    columns: list[tuple[str, Origins]], names: Sequence[Node]
) -> list[tuple[str, Origins]]:
    given = strings(names)
    return [
        (given[place] if place < len(given) else name, origins)
        for place, (name, origins) in enumerate(columns)
    ]


def _first(sources: Sequence[_Source], name: str) -> Origins:
    return next((o for s in sources if (o := s.find(name)) is not None), ())


def _named(name: str, scope: _Scope | None) -> _Source | None:
    while scope is not None:
        found = next((s for s in scope.sources if s.name == name), None)
        if found:
            return found
        scope = scope.outer
    return None


def _implicit_name(node: Any) -> str:
    """As Postgres names a column without a name, as far as others may refer to it."""
    if isinstance(node, dict) and "FuncCall" in node:
        return strings(node["FuncCall"]["funcname"])[-1]
    return "?column?"


def _descends(node: Node) -> bool:
    return bool(node.get("sortby_dir") == "SORTBY_DESC")
