"""Names of a statement made unmistakable, and a refusal of what must not be reached. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from setpoint.database.identifiers import quote
from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.lexer import Edit, spliced
from setpoint.database.indexes.tree import Named, Tree, parse

_CATALOGS = ("pg_catalog", "information_schema")


class Names(Protocol):
    """Functions or operators, by name."""

    def is_own(self, name: str) -> bool:
        """Whether pg_catalog has it, and nothing else of that name there is distrusted."""
        ...

    def schema_of(self, name: str) -> str | None:
        """The one schema beside in which a trusted extension has it."""
        ...

    @property
    def trusted(self) -> Mapping[tuple[str, str], bool]:
        """By schema and name."""
        ...


class Types(Protocol):
    """Types that are not the server's own."""

    @property
    def names(self) -> Mapping[tuple[str, str], int]:
        """Their oids, by schema and name."""
        ...

    @property
    def everywhere(self) -> str:
        """Why nothing may be explained; empty if it may."""
        ...

    def why_not(self, oid: int, name: str) -> str:
        """Why one may not be used; empty if it may."""
        ...


@dataclass(frozen=True)
class Relation:
    """A relation that could be meant by a name."""

    oid: int
    schema: str
    name: str
    kind: str


@dataclass(frozen=True)
class Catalog:
    """What names stand for. `denied` are functions of pg_catalog that are not to be called."""

    relations: Mapping[str, Sequence[Relation]]
    paths: Mapping[str, Sequence[str]]
    functions: Names
    operators: Names
    types: Types
    denied: frozenset[str]


@dataclass(frozen=True)
class Qualified:
    """A text all of whose relations are qualified, its tree, and the relations' oids."""

    text: bytes
    tree: Tree
    relations: frozenset[int]


def qualified(text: bytes, tree: Tree, catalog: Catalog, user: str) -> Qualified:
    """Raises UnanalysableError for what is not there, is ambiguous, or is not to be trusted."""
    if catalog.types.everywhere:
        raise UnanalysableError(catalog.types.everywhere)
    edits = [e for named in tree.relations for e in _relation_edit(named, catalog, user)]
    edits += [e for named in tree.functions for e in _function_edit(named, catalog)]
    edits += [e for named in tree.operators for e in _operator_edit(text, named, catalog)]
    edits += [e for named in tree.types for e in _type_edit(named, catalog)]
    done = spliced(text, list(dict.fromkeys(edits)))
    final = parse(done)
    return Qualified(done, final, _require_safe(final, catalog))


def _require_safe(tree: Tree, catalog: Catalog) -> frozenset[int]:
    """Look at the text that is to be sent as if nothing were known of it; the relations' oids."""
    if tree.kind != "SelectStmt" or tree.writes_inside:
        raise UnanalysableError("it does more than read")
    oids = set()
    for relation in tree.relations:
        schema, name = relation.name
        own = next((r for r in catalog.relations.get(name, ()) if r.schema == schema), None)
        if own is None:
            raise UnanalysableError(f"{name} is not there, or is no table")
        oids.add(own.oid)
    for edit in (e for named in tree.functions for e in _function_edit(named, catalog)):
        raise UnanalysableError(f"a function's name is unclear at {edit.start}")
    for named in tree.types:
        _type_edit(named, catalog)
    for sampler in tree.samplers:
        if sampler.name[0] not in (None, "pg_catalog"):
            raise UnanalysableError("it samples by a method that is not the server's own")
    return frozenset(oids)


def _relation_edit(named: Named, catalog: Catalog, user: str) -> list[Edit]:
    schema, name = named.name
    if schema is not None:
        return []
    relation = find(name, catalog, user)
    return [Edit(named.location, named.location, quote(relation.schema).encode() + b".")]


def find(name: str, catalog: Catalog, user: str) -> Relation:
    """The relation that an unqualified name means for a user. Raises UnanalysableError.

    By the search_path that is set for the user or the database; a name that it does not find, but
    that is there once only, can mean nothing else.
    """
    found = catalog.relations.get(name, ())
    by_schema = {relation.schema: relation for relation in found}
    path = catalog.paths.get(user) or catalog.paths[""]
    for schema in ("pg_catalog", *path):
        own = user if schema == "$user" else schema
        if own in by_schema:
            return by_schema[own]
    others = [relation for relation in found if relation.schema not in _CATALOGS]
    if len(others) == 1:
        return others[0]
    if not others:
        raise UnanalysableError(f"there is no table {quote(name)} in this database")
    where = ", ".join(sorted(quote(relation.schema) for relation in others)[:3])
    raise UnanalysableError(
        f"the table {quote(name)} is in several schemas ({where}): its text does not say which"
    )


def _function_edit(named: Named, catalog: Catalog) -> list[Edit]:
    schema, name = named.name
    if name in catalog.denied:
        raise UnanalysableError(f"it calls {name}, which can run other statements")
    if schema == "pg_catalog" or (schema is None and catalog.functions.is_own(name)):
        if not catalog.functions.is_own(name) and not _is_syntax(name, catalog):
            raise _distrusted("function", f"pg_catalog.{name}")
        return []
    if schema is not None:
        if not catalog.functions.trusted.get((schema, name), False):
            raise _distrusted("function", f"{schema}.{name}")
        return []
    home = catalog.functions.schema_of(name)
    if home is None:
        raise _distrusted("function", name)
    return [Edit(named.location, named.location, quote(home).encode() + b".")]


def _is_syntax(name: str, catalog: Catalog) -> bool:
    """Whether the parser puts a name there that this server knows no function of."""
    return ("pg_catalog", name) not in catalog.functions.trusted


def _operator_edit(text: bytes, named: Named, catalog: Catalog) -> list[Edit]:
    schema, name = named.name
    if schema is not None:
        is_trusted = catalog.operators.trusted.get((schema, name), False)
        if schema != "pg_catalog" and not is_trusted:
            raise _distrusted("operator", f"{schema}.{name}")
        return []
    if catalog.operators.is_own(name) or named.location < 0:
        return []
    home = catalog.operators.schema_of(name)
    own = name.encode()
    if home is None or text[named.location : named.location + len(own)] != own:
        return []
    there = f"OPERATOR({quote(home)}.{name})".encode()
    return [Edit(named.location, named.location + len(own), there)]


def _type_edit(named: Named, catalog: Catalog) -> list[Edit]:
    """Types that are not the server's own are in one schema each, and only safe ones are used."""
    schema, name = named.name
    if schema == "pg_catalog":
        return []
    found = sorted(
        (own, oid)
        for (own, known), oid in catalog.types.names.items()
        if known == name and schema in (None, own)
    )
    if schema is not None and not found:
        raise UnanalysableError(f"it uses the type {quote(name)}, a table's row type or unknown")
    for own, oid in found:
        if why := catalog.types.why_not(oid, f"{own}.{name}"):
            raise UnanalysableError(why)
    if schema is None and len(found) == 1 and not _is_plain(name):
        return [Edit(named.location, named.location, quote(found[0][0]).encode() + b".")]
    return []


_PLAIN_TEXT = (
    "bool boolean int2 int4 int8 numeric float4 float8 text varchar bpchar char date time timetz "
    "timestamp timestamptz interval json jsonb uuid bytea inet cidr name oid xml money"
)
_PLAIN = frozenset(_PLAIN_TEXT.split())


def _is_plain(name: str) -> bool:
    return name in _PLAIN


def _distrusted(kind: str, name: str) -> UnanalysableError:
    return UnanalysableError(
        f"it reaches the {kind} {name}, which is neither the server's own nor of a trusted "
        "extension"
    )
