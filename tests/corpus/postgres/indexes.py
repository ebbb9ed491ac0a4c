"""Indexes nobody needs, and some that only look so."""

from tests.corpus.postgres.draft import LOAD, USES, Draft, Named, Table, idx_scans, pages
from tests.corpus.postgres.registry import Chapter

unused = Chapter("unused")
pairs = Chapter("pairs")
invalid = Chapter("invalid")


def rows(draft: Draft) -> int:
    return draft.rng.randint(6_000, 8_000)


def idle(draft: Draft, index: Named, finding: bool = True) -> None:
    """An index that no statement has used."""
    if finding:
        draft.expect("UnusedIndex", index)
    draft.premise(f"{index.object} was never used", f"coalesce({idx_scans(index)}, 0) = 0")


def large(draft: Draft, **options: str) -> Table:
    return draft.table(draft.rng.randint(20_000, 24_000), **options)  # type: ignore[arg-type]


def large_index(draft: Draft, table: Table, on: str, **options: str) -> Named:
    index = draft.index(table, on, **options)  # type: ignore[arg-type]
    draft.premise(f"{index.object} has a size", f"{pages(index)} > 40")
    return index


for _name, _on, _options, _why in (
    ("plain", "{t}", {}, "it costs every write and serves no read"),
    ("quoted", "{a}, {t}", {"flavour": "sql"}, "its name is SQL, its use none"),
    ("partial", "{t}", {"tail": "WHERE {a} > 100"}, "a predicate doesn't make it used"),
    ("expression", "upper({t})", {}, "nobody asks for the expression"),
    ("wide", "{t}, {a}, {b}, {c}", {"flavour": "upper"}, "the larger, the dearer"),
    ("gin", "string_to_array({t}, 'a')", {"using": "gin"}, "the dearest of all to keep"),
    ("hash", "{t}", {"using": "hash"}, "its method doesn't make it used"),
):

    def _unused(draft: Draft, on: str = _on, options: dict[str, str] = _options) -> None:
        idle(draft, large_index(draft, large(draft), on, **options))

    unused.add(_name, "problem", _why, _unused)


@unused.problem("two at once", "each of them is one too many; the third is in use")
def _(draft: Draft) -> None:
    table = large(draft)
    for on in ("{t}", "{b}, {t}"):
        idle(draft, large_index(draft, table, on))
    draft.index(table, "{c}", use="{c} = 5")


@unused.problem("of a materialized view", "it costs every refresh")
def _(draft: Draft) -> None:
    source = large(draft)
    view = draft.named(schema=source.schema)
    draft.load(f"CREATE MATERIALIZED VIEW {view.sql} AS SELECT * FROM {source.sql}")
    draft.settle(f"VACUUM (ANALYZE) {view.sql}")
    table = Table(view.schema, view.name, view.object, source.columns)
    idle(draft, large_index(draft, table, "{t}"))


def partitioned(draft: Draft, leaves: int = 3, pad: int = 30) -> tuple[Table, list[Table]]:
    """A table with a partition for each 12,000 ids."""
    root = draft.table(key=False, tail="PARTITION BY RANGE ({id})", pad=pad)
    found = []
    for n in range(leaves):
        leaf = draft.named(schema=root.schema)
        draft.load(
            f"CREATE TABLE {leaf.sql} PARTITION OF {root.sql}"
            f" FOR VALUES FROM ({n * 12_000}) TO ({n * 12_000 + 12_000})"
        )
        found.append(Table(leaf.schema, leaf.name, leaf.object, root.columns))
    value = {role: text for role, _, text in LOAD} | {"id": "g - 1", "pad": f"repeat('x', {pad})"}
    values = ", ".join(value[role] for role in root.columns)
    draft.load(
        f"INSERT INTO {root.sql} SELECT {values} FROM generate_series(1, {leaves * 12_000}) g"
    )
    return root, found


def leaf_index(index: Named, leaf: Named) -> str:
    """SQL for the oid of the part of a partitioned index that is on `leaf`."""
    return (
        f"(SELECT i.indexrelid FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid"
        f" WHERE h.inhparent = {index.oid} AND i.indrelid = {leaf.oid})"
    )


def leaf_scans(index: Named, leaf: Named) -> str:
    return (
        f"(SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelid = {leaf_index(index, leaf)})"
    )


@unused.problem(
    "of a partitioned table", "no partition uses it: one index, one finding, the root's"
)
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft)
    index = draft.index(root, "{t}")
    draft.expect("UnusedIndex", index)
    for leaf in leaves:
        draft.premise("no leaf uses it", f"{leaf_scans(index, leaf)} = 0")


@unused.trap("one partition uses it", "it belongs to a root that is in use: no part can go alone")
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft)
    index = draft.index(root, "{t}")
    draft.load(
        "SET enable_seqscan = off",
        f"DO $corpus$ BEGIN FOR i IN 1..{USES} LOOP PERFORM 1 FROM {leaves[0].sql}"
        f" WHERE {root.fill('{t}')} = md5('5'); END LOOP; END $corpus$",
        "RESET enable_seqscan",
    )
    draft.premise("one leaf uses it", f"{leaf_scans(index, leaves[0])} >= {USES}")
    draft.premise("another doesn't", f"{leaf_scans(index, leaves[1])} = 0")


for _name, _on, _options, _use, _why in (
    ("used", "{t}", {}, "{t} = md5('5')", "it is in use"),
    ("used expression", "upper({t})", {}, "upper({t}) = 'X'", "the expression is asked for"),
    ("used partial", "{t}", {"tail": "WHERE {a} > 100"}, "{t} = 'x' AND {a} > 100", "it is in use"),
    ("used hash", "{t}", {"using": "hash"}, "{t} = 'x'", "it is in use"),
    ("used gin", "string_to_array({t}, 'a')", {"using": "gin"},
     "string_to_array({t}, 'a') @> array['77']", "a bitmap scan is use"),
    ("used brin", "{id}", {"using": "brin"}, "{id} = 5", "one page that saves reading all"),
):  # fmt: skip

    def _used(
        draft: Draft,
        on: str = _on,
        options: dict[str, str] = _options,
        use: str = _use,
    ) -> None:
        draft.index(draft.table(rows(draft)), on, use=use, **options)  # type: ignore[arg-type]

    unused.add(_name, "trap", _why, _used)


@unused.trap("unique", "it keeps a promise, used or not")
def _(draft: Draft) -> None:
    idle(draft, draft.index(large(draft), "{t}", unique=True), finding=False)


@unused.trap("unique expression", "it keeps a promise, used or not")
def _(draft: Draft) -> None:
    idle(draft, draft.index(large(draft), "upper({t})", unique=True), finding=False)


@unused.trap("unique partial", "at most one open row for each: a promise too")
def _(draft: Draft) -> None:
    table = large(draft)
    idle(draft, draft.index(table, "{t}", unique=True, tail="WHERE {a} > 5"), finding=False)


@unused.trap("primary key", "a primary key is never unused")
def _(draft: Draft) -> None:
    table = large(draft)
    draft.premise(
        "the key was never used",
        f"(SELECT idx_scan = 0 FROM pg_stat_all_indexes WHERE relid = {table.oid})",
    )


@unused.trap("unique constraint", "it is a constraint")
def _(draft: Draft) -> None:
    table = large(draft)
    draft.load(table.fill(f"ALTER TABLE {table.sql} ADD UNIQUE ({{t}}) DEFERRABLE"))


@unused.trap("exclusion constraint", "it is a constraint, though not unique")
def _(draft: Draft) -> None:
    columns = [*LOAD, ("span", "int4range", "int4range(g, g + 1)")]
    table = draft.table(rows(draft) // 4, columns=columns)
    name = draft.named(schema=table.schema)
    draft.load(
        f'ALTER TABLE {table.sql} ADD CONSTRAINT "{name.name.replace(chr(34), chr(34) * 2)}"'
        + table.fill(" EXCLUDE USING gist ({span} WITH &&)")
    )


@unused.trap("foreign key", "deletes of the parent need it, though none came by lately")
def _(draft: Draft) -> None:
    parent = draft.table(5_100, ids="g - 1")
    table = draft.table(20_000)
    draft.load(
        f"ALTER TABLE {table.sql} ADD FOREIGN KEY ({table.fill('{a}')}) REFERENCES {parent.sql}"
    )
    index = draft.index(table, "{a}")
    idle(draft, index, finding=False)


@unused.trap("foreign key, longer index", "its first columns are the foreign key's")
def _(draft: Draft) -> None:
    parent = draft.table(5_100, ids="g - 1")
    table = draft.table(20_000)
    draft.load(
        f"ALTER TABLE {table.sql} ADD FOREIGN KEY ({table.fill('{a}')}) REFERENCES {parent.sql}"
    )
    index = draft.index(table, "{a}, {t}")
    idle(draft, index, finding=False)


@unused.trap("replica identity", "logical replication finds rows by it")
def _(draft: Draft) -> None:
    columns = [(n, f"{k} NOT NULL", v) for n, k, v in LOAD]
    table = draft.table(rows(draft), columns=columns)
    index = draft.index(table, "{t}", unique=True)
    draft.load(f'ALTER TABLE {table.sql} REPLICA IDENTITY USING INDEX "{_inner(index)}"')
    idle(draft, index, finding=False)


@unused.trap("clustered", "CLUSTER sorts the table by it")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    index = draft.index(table, "{t}")
    draft.load(f'CLUSTER {table.sql} USING "{_inner(index)}"')
    draft.premise(
        "the table is clustered on it",
        f"(SELECT indisclustered FROM pg_index WHERE indexrelid = {index.oid})",
    )


def _inner(index: Named) -> str:
    return index.name.replace('"', '""')


@unused.trap("statistics reset", "a minute of statistics proves nothing about an index")
def _(draft: Draft) -> None:
    draft.part = "young"
    for _ in range(2):
        table = large(draft)
        idle(draft, large_index(draft, table, "{t}"), finding=False)


# Pairs: what is created in order, each in use, and which of them is one too many.

_Spec = tuple[str, str, dict[str, str]]  # columns, the condition that uses it, options
_U = {"unique": "yes"}


def _pair(
    draft: Draft, specs: tuple[_Spec, ...], finding: str, which: tuple[int, ...], most: int
) -> None:
    table = draft.table(rows(draft))
    made = []
    for on, use, options in specs:
        given = dict(options)
        unique = bool(given.pop("unique", ""))
        made.append(draft.index(table, on, use=use, unique=unique, **given))
    if not which:
        return
    chosen = [made[n] for n in which]
    if most == len(chosen):
        draft.expect(finding, *chosen)
    else:
        draft.either(finding, *chosen, most=most)


def pair(
    name: str,
    why: str,
    *specs: _Spec,
    finding: str = "",
    which: tuple[int, ...] = (),
    most: int = 0,
) -> None:
    """A case of indexes on one table; `most` of those numbered `which` are to be found."""

    def write(draft: Draft) -> None:
        _pair(draft, specs, finding, which, most or len(which))

    pairs.add(name, "problem" if finding else "trap", why, write)


def duplicate(name: str, why: str, *specs: _Spec, which: tuple[int, ...], most: int = 0) -> None:
    pair(name, why, *specs, finding="DuplicateIndex", which=which, most=most)


def redundant(name: str, why: str, *specs: _Spec, which: tuple[int, ...]) -> None:
    pair(name, why, *specs, finding="RedundantIndex", which=which)


A, B, T = "{a} = 5", "{b} = 5", "{t} = 'x'"
_A: _Spec = ("{a}", A, {})
_AB: _Spec = ("{a}, {b}", f"{A} AND {B}", {})

duplicate("twice the same", "either of the two can go, not both", _A, _A, which=(0, 1), most=1)
duplicate("three times", "one of three is needed", _AB, _AB, _AB, which=(0, 1, 2), most=2)
duplicate(
    "plain beside unique", "the unique one must stay", ("{t}", T, {}), ("{t}", T, _U), which=(0,)
)
duplicate(
    "unique before plain", "the unique one must stay", ("{t}", T, _U), ("{t}", T, {}), which=(1,)
)
duplicate("same expression", "the same function of the same column",
          ("upper({t})", "upper({t}) = 'X'", {}), ("upper({t})", "upper({t}) = 'X'", {}),
          which=(0, 1), most=1)  # fmt: skip
duplicate("same predicate", "the same rows by the same column",
          ("{a}", f"{A} AND {{b}} > 9", {"tail": "WHERE {b} > 9"}),
          ("{a}", f"{A} AND {{b}} > 9", {"tail": "WHERE {b} > 9"}), which=(0, 1), most=1)  # fmt: skip
duplicate("same hash", "methods other than btree have twins too",
          ("{t}", T, {"using": "hash"}), ("{t}", T, {"using": "hash"}), which=(0, 1), most=1)  # fmt: skip
duplicate("same descending order", "the same order twice",
          ("{a} DESC, {b}", f"{A} AND {B}", {"flavour": "sql"}),
          ("{a} DESC, {b}", f"{A} AND {B}", {"flavour": "dotted"}), which=(0, 1), most=1)  # fmt: skip


@pairs.problem("twins, one of them used", "the planner uses one; when that goes, the other")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    older, newer = draft.index(table, "{a}"), draft.index(table, "{a}")
    draft.use(table, newer, A)
    draft.premise("the older one was never used", f"{idx_scans(older)} = 0")
    draft.either("DuplicateIndex", older, newer)


@pairs.problem("prefix used, longer one not", "one of the two can go, and the reads need the other")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    shorter, longer = draft.index(table, "{a}"), draft.index(table, "{a}, {b}")
    draft.use(table, shorter, A)
    draft.premise("the longer one was never used", f"{idx_scans(longer)} = 0")
    draft.expect("RedundantIndex", shorter)


@pairs.problem("plain beside primary key", "the key's own index serves every one of its reads")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    draft.expect("DuplicateIndex", draft.index(table, "{id}", use="{id} = 5"))


@pairs.problem("unique index beside unique constraint", "the constraint's own index must stay")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    draft.load(table.fill(f"ALTER TABLE {table.sql} ADD UNIQUE ({{t}})"))
    draft.expect("DuplicateIndex", draft.index(table, "{t}", use=T, unique=True))


@pairs.problem(
    "primary key beside an older unique constraint", "a primary key stays, whatever refers to which"
)
def _(draft: Draft) -> None:
    table = draft.table(5_003, key=False)
    older = draft.named(schema=table.schema)
    draft.load(
        table.fill(f'ALTER TABLE {table.sql} ADD CONSTRAINT "{_inner(older)}" UNIQUE ({{id}})')
    )
    child = draft.table(20)
    draft.load(
        child.fill(f"ALTER TABLE {child.sql} ADD FOREIGN KEY ({{id}}) REFERENCES {table.sql}")
        + table.fill(" ({id})"),
        table.fill(f"ALTER TABLE {table.sql} ADD PRIMARY KEY ({{id}})"),
    )
    draft.premise(
        "the older one is referred to",
        "EXISTS (SELECT FROM pg_constraint"
        f" WHERE contype = 'f' AND confrelid = {table.oid} AND conindid = {older.oid})",
    )
    draft.expect("DuplicateIndex", older)


@pairs.problem("BRIN of the same ranges", "one writes down what is the default for the other")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    made = [
        draft.index(table, "{id}", using="brin", tail=tail, use="{id} = 5")
        for tail in ("", "WITH (pages_per_range = 128)")
    ]
    draft.either("DuplicateIndex", *made)


@pairs.problem("twins of a partitioned table", "one finding for two roots, none for their parts")
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft, 2)
    made = [draft.index(root, "{t}") for _ in range(2)]
    for leaf in leaves:
        for index in made:
            draft.load(
                f"UPDATE pg_index SET indisvalid = (indexrelid = {leaf_index(index, leaf)})"
                f" WHERE indrelid = {leaf.oid}",
                "SET enable_seqscan = off",
                f"DO $corpus$ BEGIN FOR i IN 1..{USES} LOOP PERFORM 1 FROM {leaf.sql}"
                f" WHERE {root.fill('{t}')} = md5('5'); END LOOP; END $corpus$",
                "RESET enable_seqscan",
                f"UPDATE pg_index SET indisvalid = true WHERE indrelid = {leaf.oid}",
            )
            draft.premise("it is used", f"{leaf_scans(index, leaf)} >= {USES}")
    draft.either("DuplicateIndex", *made)


@pairs.problem("a partition's own beside its root's", "each write to the partition pays twice")
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft, 2)
    own = [draft.index(leaves[0], "{t}")]
    index = draft.index(root, "{t}, {c}")  # which takes no index for its part that is another one
    own.append(draft.index(leaves[1], "{t}, {c}"))
    draft.use(leaves[1], own[1], T)
    draft.load(
        f"UPDATE pg_index SET indisvalid = (indexrelid = {leaf_index(index, leaves[0])})"
        f" WHERE indrelid = {leaves[0].oid}",
        "SET enable_seqscan = off",
        f"DO $corpus$ BEGIN FOR i IN 1..{USES} LOOP PERFORM 1 FROM {leaves[0].sql}"
        f" WHERE {root.fill('{t}')} = md5('5'); END LOOP; END $corpus$",
        "RESET enable_seqscan",
        f"UPDATE pg_index SET indisvalid = true WHERE indrelid = {leaves[0].oid}",
    )
    draft.premise("the root's is in use", f"{leaf_scans(index, leaves[0])} >= {USES}")
    draft.expect("RedundantIndex", own[0])
    draft.expect("DuplicateIndex", own[1])


redundant("prefix", "the longer index serves the shorter one's reads", _A, _AB, which=(0,))
redundant("longer first", "which came first is no matter", _AB, _A, which=(1,))
redundant(
    "prefix of two", "two of three columns", _AB, ("{a}, {b}, {t}", f"{A} AND {T}", {}), which=(0,)
)
redundant("chain", "the longest serves both", _A, _AB, ("{a}, {b}, {c}", A, {}), which=(0, 1))
redundant("included columns", "the same key with more in its leaves", _A,
          ("{a}", A, {"tail": "INCLUDE ({b})"}), which=(0,))  # fmt: skip
redundant(
    "prefix of unique",
    "a unique index serves reads too",
    _A,
    ("{a}, {t}", f"{A} AND {T}", _U),
    which=(0,),
)
redundant("partial prefix, same predicate", "the same rows, more columns",
          ("{a}", f"{A} AND {{c}} > 9", {"tail": "WHERE {c} > 9"}),
          ("{a}, {b}", f"{A} AND {B} AND {{c}} > 9", {"tail": "WHERE {c} > 9"}), which=(0,))  # fmt: skip
redundant("expression prefix", "the same function leads both", ("upper({t})", "upper({t}) = 'X'", {}),
          ("upper({t}), {b}", f"upper({{t}}) = 'X' AND {B}", {}), which=(0,))  # fmt: skip
redundant("prefix of several expressions", "one function of two leads both",
          ("upper({t})", "upper({t}) = 'X'", {}),
          ("upper({t}), lower({t})", "upper({t}) = 'X' AND lower({t}) = 'x'", {}), which=(0,))  # fmt: skip
redundant("descending prefix", "the same order leads both", ("{a} DESC", A, {}),
          ("{a} DESC, {b}", f"{A} AND {B}", {}), which=(0,))  # fmt: skip


@pairs.problem("prefix of primary key", "the key's first column leads its index")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft), key=False)
    draft.load(table.fill(f"ALTER TABLE {table.sql} ADD PRIMARY KEY ({{a}}, {{id}})"))
    draft.expect("RedundantIndex", draft.index(table, "{a}", use=A, flavour="upper"))


pair("other predicate", "each holds other rows",
     ("{a}", f"{A} AND {{b}} > 2000", {"tail": "WHERE {b} > 2000"}),
     ("{a}", f"{A} AND {{b}} < 9", {"tail": "WHERE {b} < 9"}))  # fmt: skip
pair("whole beside partial", "the partial one is small and hot, the other whole", _A,
     ("{a}", f"{A} AND {{c}} < 9", {"tail": "WHERE {c} < 9"}))  # fmt: skip
pair("other expression", "upper is not lower", ("upper({t})", "upper({t}) = 'X'", {}),
     ("lower({t})", "lower({t}) = 'x'", {}))  # fmt: skip
pair("other expression first", "the function is the second key of the other",
     ("upper({t})", "upper({t}) = 'X'", {}), ("lower({t}), upper({t})", "lower({t}) = 'x'", {}))  # fmt: skip
pair("expression beside column", "a function of a column is another key", ("{t}", T, {}),
     ("upper({t})", "upper({t}) = 'X'", {}))  # fmt: skip
pair("other collation", "another order, other comparisons", ("{t}", T, {}),
     ('{t} COLLATE "POSIX"', "{t} = 'x' COLLATE \"POSIX\"", {}))  # fmt: skip
pair("other operator class", "one serves LIKE, the other ORDER BY",
     ("{t} text_ops", "{t} < '00'", {}), ("{t} text_pattern_ops", "{t} ~<~ '00'", {}))  # fmt: skip
pair("other sort order", "mixed orders cannot be read backwards from the other", _AB,
     ("{a}, {b} DESC", f"{A} AND {B}", {}))  # fmt: skip
pair("other place of NULLs", "ORDER BY … NULLS FIRST needs its own", ("{a}, {b}", A, {}),
     ("{a} NULLS FIRST, {b}", A, {}))  # fmt: skip
pair(
    "other method",
    "hash and btree serve different reads",
    ("{t}", T, {}),
    ("{t}", T, {"using": "hash"}),
)
pair("brin beside btree", "one for ranges of pages, one for rows", ("{id}, {a}", "{id} = 5", {}),
     ("{id}", "{id} = 5", {"using": "brin"}))  # fmt: skip
pair("other included columns", "each makes other reads index-only",
     ("{a}", A, {"tail": "INCLUDE ({b})"}), ("{a}", A, {"tail": "INCLUDE ({c})"}))  # fmt: skip
pair("included column is no key", "(a, c) holds no b", ("{a}", A, {"tail": "INCLUDE ({b})"}),
     ("{a}, {c}", A, {}))  # fmt: skip
pair("unique prefix", "the shorter one keeps a promise", ("{id}, {t}", "{id} = 5 AND {t} = 'x'", {}),
     ("{t}", T, _U), ("{t}, {a}", f"{T} AND {A}", {}))  # fmt: skip
pair("columns swapped", "(a, b) cannot look up b", _AB, ("{b}, {a}", f"{B} AND {A}", {}))
pair("suffix", "the second column is no prefix", _AB, ("{b}", B, {}))
pair("partial prefix", "it holds few rows, the longer one all",
     ("{a}", f"{A} AND {{c}} < 9", {"tail": "WHERE {c} < 9"}), _AB)  # fmt: skip
pair("longer one is partial", "the longer one lacks most rows", _A,
     ("{a}, {b}", f"{A} AND {B} AND {{c}} < 9", {"tail": "WHERE {c} < 9"}))  # fmt: skip
pair("hash beside longer btree", "a hash index has no prefix", ("{t}", T, {"using": "hash"}),
     ("{t}, {a}", f"{T} AND {A}", {}))  # fmt: skip
pair("prefix of other operator class", "LIKE needs the shorter one",
     ("{t} text_pattern_ops", "{t} ~<~ '00'", {}), ("{t}, {a}", f"{T} AND {A}", {}))  # fmt: skip
pair("prefix of other collation", "another order leads it", ('{t} COLLATE "POSIX"', "{t} = 'x' COLLATE \"POSIX\"", {}),
     ("{t}, {a}", f"{T} AND {A}", {}))  # fmt: skip
pair("prefix of other direction and NULLs", "another order of NULLs leads it",
     ("{a} NULLS FIRST", A, {}), ("{a}, {b}", f"{A} AND {B}", {}))  # fmt: skip


@pairs.trap("BRIN of other ranges", "the finer one finds fewer pages, the coarser one is smaller")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    for size in (4, 128):
        tail = f"WITH (pages_per_range = {size})"
        draft.index(table, "{id}", using="brin", tail=tail, use="{id} = 5")


@pairs.trap(
    "other parameters of the operator class", "signatures of another length find other rows"
)
def _(draft: Draft) -> None:
    columns = [*LOAD, ("words", "tsvector", "to_tsvector('simple', md5(g::text))")]
    table = draft.table(rows(draft), columns=columns)
    for length in (64, 512):
        draft.index(
            table, f"{{words}} tsvector_ops (siglen = {length})", using="gist",
            use="{words} @@ 'none'::tsquery",
        )  # fmt: skip


@pairs.trap("column 1 and column 10", "1 is no prefix of 10 but as text")
def _(draft: Draft) -> None:
    columns = [(f"c{n}", "int", f"g * {n} % 5003") for n in range(2, 14)]
    table = draft.table(rows(draft), columns=columns, key=False, pad=0)
    by_number = list(table.columns)
    for on in ([0], [9], [1, 8], [1, 10]):
        names = [f"{{{by_number[n]}}}" for n in on]
        draft.index(table, ", ".join(names), use=f"{names[0]} = 5")


@pairs.trap("same name, two schemas", "two tables, two indexes")
def _(draft: Draft) -> None:
    schemas = draft.rng.sample(list(draft.world.schemas), 2)
    index_name = draft.world.name()
    table_name = draft.world.name()
    for schema in schemas:
        table = draft.table(rows(draft), schema=schema, name=table_name)
        draft.index(table, "{a}", use=A, name=index_name)


@pairs.trap("inherited", "a child has indexes of its own, like its parent's")
def _(draft: Draft) -> None:
    parent = draft.table(rows(draft))
    draft.index(parent, "{a}", use=A)
    child = draft.named(schema=parent.schema)
    draft.load(
        f"CREATE TABLE {child.sql} () INHERITS ({parent.sql})",
        f"INSERT INTO {child.sql} SELECT * FROM ONLY {parent.sql}",
    )
    draft.settle(f"VACUUM (ANALYZE) {child.sql}")
    draft.index(Table(child.schema, child.name, child.object, parent.columns), "{a}", use=A)


def failed(draft: Draft, table: Table, on: str, *, unique: bool, tail: str = "") -> Named:
    """An index whose concurrent build fails halfway; it stays behind, invalid."""
    index = draft.named(schema=table.schema)
    kind = "UNIQUE INDEX" if unique else "INDEX"
    draft.load(
        f'!CREATE {kind} CONCURRENTLY "{_inner(index)}" ON {table.sql} ({table.fill(on)})'
        f" {table.fill(tail)}"
    )
    draft.premise(
        f"{index.object} is invalid",
        f"(SELECT NOT indisvalid FROM pg_index WHERE indexrelid = {index.oid})",
    )
    draft.expect("InvalidIndex", index)
    return index


@invalid.problem("failed unique build", "it is written to, never read, and promises nothing")
def _(draft: Draft) -> None:
    failed(draft, draft.table(rows(draft)), "{a}", unique=True)


@invalid.problem("failed expression build", "a division by zero halfway")
def _(draft: Draft) -> None:
    failed(draft, draft.table(rows(draft), flavour="upper"), "(1 / ({a} - 5))", unique=False)


@invalid.problem(
    "failed twin", "beside a valid index of the same columns: only the invalid one goes"
)
def _(draft: Draft) -> None:
    table = draft.table(rows(draft))
    draft.index(table, "{a}", use=A)
    failed(draft, table, "{a}", unique=True)


@invalid.problem("failed prefix", "the valid longer index stays what it is")
def _(draft: Draft) -> None:
    table = draft.table(rows(draft), flavour="quote")
    draft.index(table, "{a}, {b}", use=A)
    failed(draft, table, "{a}", unique=True, tail="WHERE {b} > 0")
