"""From statements to what can be explained: read, resolved, checked against the database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.facts import Tables
from setpoint.database.indexes.model import NotAnalysable, Statement
from setpoint.database.indexes.parameters import renumbered, typed
from setpoint.database.indexes.prepare import mend, select_of
from setpoint.database.indexes.qualify import Catalog, Qualified, Relation, find, qualified
from setpoint.database.indexes.resolve import uses
from setpoint.database.indexes.tree import Tree, parse
from setpoint.database.indexes.workload import Readable, Workload
from setpoint.database.indexes.writes import Write
from setpoint.database.postgres import tables as catalog_tables
from setpoint.database.postgres import trust
from setpoint.database.postgres.connect import Connection

_CATALOGS = ("pg_catalog", "information_schema")
NO_TIME = "there was no time left to look at it"
_ONLY_WRITES = "it only puts rows in: there is nothing to find"


@dataclass(frozen=True)
class _Read:
    """A statement's SELECT, before names are looked up; None for one that only writes."""

    statement: Statement
    original: Tree
    text: bytes = b""
    tree: Tree | None = None


async def read(
    connection: Connection, statements: Sequence[Statement], is_over: Callable[[], bool]
) -> Workload:
    """Everything about the statements but their costs. Raises psycopg.Error.

    Nothing of a statement is sent to the server here. Once it `is_over`, the rest are not read.
    """
    workload = Workload()
    parsed = [item async for item in _gently(_parsed(statements, workload, is_over))]
    types = await trust.types(connection)
    catalog = await _catalog(connection, parsed, types)
    known = [item async for item in _gently(_qualified(parsed, catalog, workload))]
    oids = {oid for _, q in known for oid in q.relations}
    reach = await trust.reach(connection, oids, types)
    distrusted = _distrusted(reach)
    targets = {write.table for write in workload.writes}
    closure = reach.closure(oids)
    known_tables = await catalog_tables.tables(
        connection,
        {oid for oid in closure | targets if oid >= trust.FIRST_NORMAL},
        {oid: texts[0] for oid, texts in reach.texts.items()},
    )
    workload.tables = {
        oid: replace(table, is_static=False) if oid in targets else table
        for oid, table in known_tables.items()
    }
    found = Tables(workload.tables, {(t.schema, t.name): oid for oid, t in workload.tables.items()})
    async for item, q in _gently(known):
        try:
            _require_trust(q, reach, distrusted)
            workload.readable.append(_readable(item, q, found))
        except UnanalysableError as error:
            workload.not_analysable.append(NotAnalysable(item.statement, str(error)))
    return workload


T = TypeVar("T")


async def _gently(items: Iterable[T]) -> AsyncIterator[T]:
    """One by one, and others get their turn between them."""
    for item in items:
        await asyncio.sleep(0)
        yield item


def _parsed(
    statements: Iterable[Statement], workload: Workload, is_over: Callable[[], bool]
) -> Iterable[_Read]:
    for statement in statements:
        if is_over():
            workload.not_analysable.append(NotAnalysable(statement, NO_TIME))
            continue
        try:
            text, tree, original = select_of(statement.text)
        except UnanalysableError as error:
            if str(error) == _ONLY_WRITES:
                mended = mend(statement.text.encode())
                yield _Read(statement, parse(mended))
            else:
                workload.not_analysable.append(NotAnalysable(statement, str(error)))
        else:
            yield _Read(statement, original, text, tree)


async def _catalog(
    connection: Connection, parsed: Sequence[_Read], types: trust.TypeTrust
) -> Catalog:
    trees = [t for item in parsed for t in (item.tree, item.original) if t is not None]
    relations: dict[str, list[Relation]] = {}
    names = {named.name[1] for tree in trees for named in tree.relations}
    for row in await catalog_tables.relations(connection, names):
        relation = Relation(row["oid"], row["schema"], row["name"], row["kind"])
        relations.setdefault(relation.name, []).append(relation)
    functions = {named.name[1] for tree in trees for named in tree.functions}
    operators = {named.name[1] for tree in trees for named in tree.operators}
    return Catalog(
        relations=relations,
        paths=await catalog_tables.search_paths(connection),
        functions=await trust.functions(connection, functions),
        operators=await trust.operators(connection, operators),
        types=types,
        denied=trust.DENIED,
    )


def _qualified(
    parsed: Iterable[_Read], catalog: Catalog, workload: Workload
) -> Iterable[tuple[_Read, Qualified]]:
    for item in parsed:
        try:
            _note_write(item, catalog, workload)
            if item.tree is None:
                continue
            q = qualified(item.text, item.tree, catalog, item.statement.user)
            _require_tables(q)
        except UnanalysableError as error:
            workload.not_analysable.append(NotAnalysable(item.statement, str(error)))
        else:
            yield item, q


def _require_tables(q: Qualified) -> None:
    if all(named.name[0] in _CATALOGS for named in q.tree.relations):
        raise UnanalysableError("it reads no table but the server's own")


def _note_write(item: _Read, catalog: Catalog, workload: Workload) -> None:
    kind, root = item.original.kind, item.original.root
    if kind == "SelectStmt":
        return
    target = root["relation"]
    schema, name = target.get("schemaname"), str(target["relname"])
    if schema is None:
        relation = find(name, catalog, item.statement.user)
    else:
        named = [r for r in catalog.relations.get(name, ()) if r.schema == schema]
        if not named:
            raise UnanalysableError(f"there is no table {schema}.{name} in this database")
        relation = named[0]
    sets = frozenset(str(t["ResTarget"].get("name", "")) for t in root.get("targetList", ()))
    workload.writes.append(Write(item.statement, relation.oid, kind, sets))


def _distrusted(reach: trust.Reach) -> dict[int, str]:
    """By relation, why not; what views and policies call of the server's own is looked at too."""
    found = dict(reach.distrusted)
    for oid, texts in reach.texts.items():
        for text in texts:
            try:
                tree = parse(text.rstrip("; \n").encode())
            except UnanalysableError:
                found.setdefault(oid, "a view or a policy of it cannot be read")
                continue
            denied = next((f.name[1] for f in tree.functions if f.name[1] in trust.DENIED), None)
            if denied is not None:
                found.setdefault(oid, f"it reaches {denied}, which can run other statements")
    return found


def _require_trust(q: Qualified, reach: trust.Reach, distrusted: Mapping[int, str]) -> None:
    for oid in sorted(reach.closure(q.relations)):
        if oid in distrusted:
            raise UnanalysableError(distrusted[oid])


def _readable(item: _Read, q: Qualified, tables: Tables) -> Readable:
    places = tuple(uses(q.tree.root, tables))
    text, count = renumbered(q.text)
    texts = [text]
    if count:
        types = {c.name: c.type for use in places for c in use.table.columns.values()}
        with_types = typed(text, parse(text).root, types)
        if with_types != text:
            texts.append(with_types)
    return Readable(item.statement, tuple(texts), count, places)
