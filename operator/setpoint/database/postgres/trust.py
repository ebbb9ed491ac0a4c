"""What a statement would reach if the planner looked at it, and whether that may be.

EXPLAIN runs IMMUTABLE functions whose arguments are constants, and STABLE ones to estimate with
(optimizer/util/clauses.c, eval_const_expressions and estimate_expression_value), as our role: from
the statement, views, policies, casts, operators, index expressions, extended statistics, generated
columns and domains' checks. All of them must be the server's own or a trusted extension's.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from setpoint.database.identifiers import qualified
from setpoint.database.postgres.connect import Connection

EXTENSIONS = (
    "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_xsyn", "earthdistance",
    "fuzzystrmatch", "hstore", "intarray", "isn", "ltree", "pg_trgm", "pgcrypto", "postgis", "seg",
    "unaccent", "uuid-ossp", "vector",
)  # fmt: skip
"""Extensions that compute, and run no query or function that they are told the name of: dblink,
tablefunc, address_standardizer and postgis_raster (ST_MapAlgebra) do."""

_DENIED_TEXT = """
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema
    database_to_xml_and_xmlschema query_to_xml query_to_xmlschema query_to_xml_and_xmlschema
    cursor_to_xml cursor_to_xmlschema pg_input_is_valid pg_input_error_info ts_rewrite ts_stat
    pg_get_expr pg_get_viewdef pg_get_ruledef set_config pg_sleep pg_sleep_for pg_sleep_until
"""
DENIED = frozenset(_DENIED_TEXT.split())
"""Functions of pg_catalog that run a query or a type's checks by name, or are not for here."""

FIRST_NORMAL = 16384
"""Oids below are the server's own (access/transam.h, FirstNormalObjectId)."""

# A member of a listed extension, and either compiled, which only a superuser can put there, or of
# the bootstrap superuser: who owns an extension can add functions of their own to it. Some of
# PostGIS in PL/pgSQL make queries of the names that they are given, such as ST_FindExtent.
_TRUSTED_PROCS = """
    SELECT p.oid
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
       AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
      JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
     WHERE x.extname = ANY (%(extensions)s::pg_catalog.name[])
       AND (l.lanname IN ('c', 'internal')
            OR (p.proowner = 10 AND x.extname <> 'postgis'))
"""

# All overloads of a name decide together: which one is meant, the planner alone knows.
FUNCTIONS = f"""
WITH trusted AS ({_TRUSTED_PROCS})
SELECT n.nspname::pg_catalog.text AS schema, p.proname::pg_catalog.text AS name,
       pg_catalog.bool_and(p.oid < {FIRST_NORMAL} OR p.oid IN (SELECT t.oid FROM trusted AS t))
           AS is_trusted
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.proname = ANY (%(names)s::pg_catalog.name[])
 GROUP BY 1, 2
 ORDER BY 2, 1
"""  # noqa: S608 - of constants

OPERATORS = f"""
WITH trusted AS ({_TRUSTED_PROCS})
SELECT n.nspname::pg_catalog.text AS schema, o.oprname::pg_catalog.text AS name,
       pg_catalog.bool_and(NOT EXISTS (
           SELECT FROM pg_catalog.unnest(ARRAY[o.oprcode::pg_catalog.oid,
                                               o.oprrest::pg_catalog.oid,
                                               o.oprjoin::pg_catalog.oid]) AS f(oid)
            WHERE f.oid >= {FIRST_NORMAL}
              AND f.oid NOT IN (SELECT t.oid FROM trusted AS t))) AS is_trusted
  FROM pg_catalog.pg_operator AS o
  JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
 WHERE o.oprname = ANY (%(names)s::pg_catalog.name[])
 GROUP BY 1, 2
 ORDER BY 2, 1
"""  # noqa: S608 - of constants

# What a relation brings into a plan. Dependencies on the server's own objects are not recorded.
EDGES = f"""
WITH relations AS (
    SELECT c.oid, c.relkind FROM pg_catalog.pg_class AS c
     WHERE c.oid = ANY (%(relations)s::pg_catalog.oid[])
), trusted AS ({_TRUSTED_PROCS}), objects AS (
    SELECT r.oid AS relation, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS class,
           r.oid AS object, false AS leads_on
      FROM relations AS r
    UNION ALL
    SELECT w.ev_class, 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, true
      FROM pg_catalog.pg_rewrite AS w
      JOIN relations AS r ON r.oid = w.ev_class AND r.relkind = 'v'
    UNION ALL
    SELECT p.polrelid, 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, true
      FROM pg_catalog.pg_policy AS p JOIN relations AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT i.indrelid, 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, false
      FROM pg_catalog.pg_index AS i JOIN relations AS r ON r.oid = i.indrelid
    UNION ALL
    SELECT s.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, false
      FROM pg_catalog.pg_statistic_ext AS s JOIN relations AS r ON r.oid = s.stxrelid
    UNION ALL
    SELECT k.conrelid, 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, false
      FROM pg_catalog.pg_constraint AS k
      JOIN relations AS r ON r.oid = k.conrelid
      JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = r.oid
     WHERE k.contype = 'c'
    UNION ALL
    SELECT f.adrelid, 'pg_catalog.pg_attrdef'::pg_catalog.regclass, f.oid, false
      FROM pg_catalog.pg_attrdef AS f
      JOIN relations AS r ON r.oid = f.adrelid
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated <> ''
)
SELECT o.relation::pg_catalog.int8 AS relation, 'relation' AS kind,
       d.refobjid::pg_catalog.int8 AS object, NULL AS name
  FROM objects AS o
  JOIN pg_catalog.pg_depend AS d ON d.classid = o.class AND d.objid = o.object
 WHERE o.leads_on AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid <> o.relation
UNION
SELECT h.inhparent::pg_catalog.int8, 'relation', h.inhrelid::pg_catalog.int8, NULL
  FROM pg_catalog.pg_inherits AS h JOIN relations AS r ON r.oid = h.inhparent
UNION
SELECT o.relation::pg_catalog.int8, 'function', p.oid::pg_catalog.int8,
       n.nspname::pg_catalog.text || '.' || p.proname::pg_catalog.text
  FROM objects AS o
  JOIN pg_catalog.pg_depend AS d ON d.classid = o.class AND d.objid = o.object
   AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.oid >= {FIRST_NORMAL} AND p.oid NOT IN (SELECT t.oid FROM trusted AS t)
UNION
SELECT o.relation::pg_catalog.int8, 'operator', q.oid::pg_catalog.int8,
       n.nspname::pg_catalog.text || '.' || q.oprname::pg_catalog.text
  FROM objects AS o
  JOIN pg_catalog.pg_depend AS d ON d.classid = o.class AND d.objid = o.object
   AND d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
  JOIN pg_catalog.pg_operator AS q ON q.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = q.oprnamespace
 WHERE EXISTS (SELECT FROM pg_catalog.unnest(ARRAY[q.oprcode::pg_catalog.oid,
                                                   q.oprrest::pg_catalog.oid,
                                                   q.oprjoin::pg_catalog.oid]) AS f(oid)
                WHERE f.oid >= {FIRST_NORMAL} AND f.oid NOT IN (SELECT t.oid FROM trusted AS t))
UNION
SELECT o.relation::pg_catalog.int8, 'operator class', c.oid::pg_catalog.int8,
       n.nspname::pg_catalog.text || '.' || c.opcname::pg_catalog.text
  FROM objects AS o
  JOIN pg_catalog.pg_depend AS d ON d.classid = o.class AND d.objid = o.object
   AND d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
  JOIN pg_catalog.pg_opclass AS c ON c.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.opcnamespace
 WHERE EXISTS (SELECT FROM pg_catalog.pg_amproc AS m
                WHERE m.amprocfamily = c.opcfamily
                  AND m.amproc::pg_catalog.oid >= {FIRST_NORMAL}
                  AND m.amproc::pg_catalog.oid NOT IN (SELECT t.oid FROM trusted AS t))
UNION
SELECT r.oid::pg_catalog.int8, 'type', a.atttypid::pg_catalog.int8,
       n.nspname::pg_catalog.text || '.' || y.typname::pg_catalog.text
  FROM relations AS r
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid AND y.oid >= {FIRST_NORMAL}
  JOIN pg_catalog.pg_namespace AS n ON n.oid = y.typnamespace
"""  # noqa: S608 - of constants

# Row types of tables are left out: there are as many as tables, and a cast to one is refused.
TYPES = f"""
WITH trusted AS ({_TRUSTED_PROCS})
SELECT t.oid::pg_catalog.int8 AS oid, n.nspname::pg_catalog.text AS schema,
       t.typname::pg_catalog.text AS name, t.typtype::pg_catalog.text AS kind,
       t.typelem::pg_catalog.int8 AS element, t.typbasetype::pg_catalog.int8 AS base,
       COALESCE((SELECT pg_catalog.array_agg(a.atttypid::pg_catalog.int8)
                   FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
                '{{}}') AS attributes,
       COALESCE((SELECT pg_catalog.array_agg(r.rngsubtype::pg_catalog.int8)
                   FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid), '{{}}') AS ranged,
       EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                 JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
                WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
                  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                  AND d.deptype = 'e' AND x.extname = ANY (%(extensions)s::pg_catalog.name[])
                  AND t.typinput::pg_catalog.oid IN (SELECT f.oid FROM trusted AS f))
           AS is_member,
       EXISTS (SELECT FROM pg_catalog.pg_range AS r
                WHERE r.rngtypid = t.oid
                  AND (r.rngsubopc >= {FIRST_NORMAL}
                       OR r.rngcanonical::pg_catalog.oid >= {FIRST_NORMAL}
                       OR r.rngsubdiff::pg_catalog.oid >= {FIRST_NORMAL}))
       OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                    JOIN pg_catalog.pg_depend AS d
                      ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                     AND d.objid = k.oid
                     AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                                          'pg_catalog.pg_operator'::pg_catalog.regclass)
                   WHERE k.contypid = t.oid) AS runs_functions
  FROM pg_catalog.pg_type AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
  LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
  LEFT JOIN pg_catalog.pg_class AS ec ON ec.oid = e.typrelid
 WHERE t.oid >= {FIRST_NORMAL}
   AND (t.typrelid = 0 OR c.relkind = 'c')
   AND (ec.oid IS NULL OR ec.relkind = 'c')
"""  # noqa: S608 - of constants

CASTS = f"""
WITH trusted AS ({_TRUSTED_PROCS})
SELECT k.castsource::pg_catalog.int8 AS source,
       n.nspname::pg_catalog.text || '.' || p.proname::pg_catalog.text AS function
  FROM pg_catalog.pg_cast AS k
  JOIN pg_catalog.pg_proc AS p ON p.oid = k.castfunc
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.oid >= {FIRST_NORMAL} AND p.oid NOT IN (SELECT t.oid FROM trusted AS t)
"""  # noqa: S608 - of constants

DEFINITIONS = """
SELECT c.oid::pg_catalog.int8 AS relation, pg_catalog.pg_get_viewdef(c.oid) AS text
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = ANY (%(relations)s::pg_catalog.oid[]) AND c.relkind = 'v'
UNION ALL
SELECT p.polrelid::pg_catalog.int8,
       'SELECT ' || pg_catalog.concat_ws(' AND ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                                         'true')
  FROM pg_catalog.pg_policy AS p
 WHERE p.polrelid = ANY (%(relations)s::pg_catalog.oid[])
"""
"""Queries and policies as text: what they call of the server's own is recorded nowhere else."""

KINDS = """
SELECT c.oid::pg_catalog.int8 AS oid, c.relkind::pg_catalog.text AS kind,
       n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%(relations)s::pg_catalog.oid[])
"""


@dataclass(frozen=True, slots=True)
class NamedObjects:
    """Functions, operators or types of some names: by schema and name, whether to trust them."""

    trusted: Mapping[tuple[str, str], bool]

    def is_own(self, name: str) -> bool:
        """Whether the server has it in pg_catalog, and all of that name are trusted."""
        return self.trusted.get(("pg_catalog", name), False)

    def schema_of(self, name: str) -> str | None:
        """The one other schema in which all of that name are trusted."""
        found = [
            schema
            for (schema, own), is_trusted in self.trusted.items()
            if own == name and is_trusted and schema != "pg_catalog"
        ]
        return found[0] if len(found) == 1 else None


@dataclass
class Reach:
    """What relations lead to, by oid: other relations, and the first thing not to be trusted."""

    leads_to: dict[int, set[int]] = field(default_factory=dict)
    distrusted: dict[int, str] = field(default_factory=dict)
    texts: dict[int, list[str]] = field(default_factory=dict)

    def closure(self, relations: Iterable[int]) -> set[int]:
        """The relations and all that they lead to."""
        found: set[int] = set()
        ahead = list(relations)
        while ahead:
            oid = ahead.pop()
            if oid not in found:
                found.add(oid)
                ahead += self.leads_to.get(oid, ())
        return found


@dataclass(frozen=True)
class TypeTrust:
    """Types that are not the server's own: `unsafe` by oid, with why; `names` of all of them.

    `everywhere` is a reason that holds for every statement, empty where there is none.
    """

    known: frozenset[int]
    unsafe: Mapping[int, str]
    names: Mapping[tuple[str, str], int]
    everywhere: str = ""

    def why_not(self, oid: int, name: str) -> str:
        """Empty for a type that may be used."""
        if oid < FIRST_NORMAL:
            return ""
        if oid not in self.known:
            return f"it uses the row type {name}"
        return self.unsafe.get(oid, "")


async def _rows(connection: Connection, text: str, **parameters: Any) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(text.encode(), {"extensions": list(EXTENSIONS), **parameters})
        return await cursor.fetchall()


async def functions(connection: Connection, names: Collection[str]) -> NamedObjects:
    """Of these names. Raises psycopg.Error."""
    rows = await _rows(connection, FUNCTIONS, names=sorted(names))
    return NamedObjects({(row["schema"], row["name"]): row["is_trusted"] for row in rows})


async def operators(connection: Connection, names: Collection[str]) -> NamedObjects:
    """Of these names. Raises psycopg.Error."""
    rows = await _rows(connection, OPERATORS, names=sorted(names))
    return NamedObjects({(row["schema"], row["name"]): row["is_trusted"] for row in rows})


async def types(connection: Connection) -> TypeTrust:
    """All that are not the server's own, but for tables' row types. Raises psycopg.Error."""
    rows = {row["oid"]: row for row in await _rows(connection, TYPES)}
    casts = {row["source"]: row["function"] for row in await _rows(connection, CASTS)}
    unsafe: dict[int, str] = {}
    for oid, row in rows.items():
        why = _own_risk(row, casts.get(oid))
        if why:
            unsafe[oid] = why
    changed = True
    while changed:
        changed = False
        for oid, row in rows.items():
            parts = [row["element"], row["base"], *row["attributes"], *row["ranged"]]
            bad = next((p for p in parts if p in unsafe or _is_unknown(p, rows)), None)
            if oid not in unsafe and bad is not None:
                unsafe[oid] = unsafe.get(bad, f"it uses the type {_name(row)}, of a row of a table")
                changed = True
    own = next((function for source, function in casts.items() if source < FIRST_NORMAL), None)
    return TypeTrust(
        frozenset(rows),
        unsafe,
        {(row["schema"], row["name"]): oid for oid, row in rows.items()},
        f"a cast of a type of the server's own calls {own}" if own else "",
    )


def _is_unknown(oid: int, rows: Mapping[int, Any]) -> bool:
    return oid >= FIRST_NORMAL and oid not in rows


def _name(row: Mapping[str, Any]) -> str:
    return qualified(row["schema"], row["name"])


def _own_risk(row: Mapping[str, Any], cast: str | None) -> str:
    if cast is not None:
        return f"a cast of the type {_name(row)} calls {cast}"
    if row["runs_functions"]:
        return f"the type {_name(row)} calls a function that is not the server's own"
    if row["kind"] == "b" and not row["element"] and not row["is_member"]:
        return f"the type {_name(row)} is not the server's own"
    return ""


async def reach(connection: Connection, relations: Iterable[int], trust: TypeTrust) -> Reach:
    """What these relations lead to, and what on the way is not to be trusted.

    Raises psycopg.Error.
    """
    found = Reach()
    ahead = set(relations)
    while ahead:
        for row in await _rows(connection, KINDS, relations=sorted(ahead)):
            found.leads_to.setdefault(row["oid"], set())
            if row["kind"] == "f":
                found.distrusted[row["oid"]] = (
                    f"{qualified(row['schema'], row['name'])} is a table of another server"
                )
        for row in await _rows(connection, DEFINITIONS, relations=sorted(ahead)):
            found.texts.setdefault(row["relation"], []).append(row["text"] or "")
        ahead = _follow(await _rows(connection, EDGES, relations=sorted(ahead)), found, trust)
    return found


def _follow(rows: Iterable[Mapping[str, Any]], found: Reach, trust: TypeTrust) -> set[int]:
    ahead: set[int] = set()
    for row in sorted(rows, key=lambda r: (r["relation"], r["kind"], r["object"])):
        relation, kind = row["relation"], row["kind"]
        if kind == "relation":
            found.leads_to.setdefault(relation, set()).add(row["object"])
            if row["object"] not in found.leads_to:
                ahead.add(row["object"])
        elif kind == "type":
            if why := trust.why_not(row["object"], row["name"]):
                found.distrusted.setdefault(relation, why)
        else:
            found.distrusted.setdefault(
                relation,
                f"it reaches the {kind} {row['name']}, which is neither the server's own nor of a "
                "trusted extension",
            )
    return ahead
