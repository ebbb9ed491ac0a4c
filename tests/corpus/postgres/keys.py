"""Foreign keys whose deletes read a whole table, and those that need no index."""

from tests.corpus.postgres.draft import LOAD, Draft, Table, idx_scans, pages, stat
from tests.corpus.postgres.indexes import partitioned
from tests.corpus.postgres.names import ident
from tests.corpus.postgres.registry import Chapter

keys = Chapter("foreign keys")


def children(draft: Draft) -> int:
    return draft.rng.randint(21_000, 23_000)


def parent_of(draft: Draft, **options: str) -> Table:
    """A table whose ids are the values of column a."""
    return draft.table(5_003, ids="g - 1", **options)  # type: ignore[arg-type]


def reference(
    draft: Draft, table: Table, parent: Table, column: str = "{a}", tail: str = ""
) -> None:
    """A foreign key, by a constraint of its own name."""
    name = draft.world.name()
    quote = draft.world.quote
    written = table.fill(column)
    draft.load(
        f"ALTER TABLE {table.sql} ADD CONSTRAINT {ident(name)} FOREIGN KEY ({written})"
        f" REFERENCES {parent.sql} {tail}"
    )
    columns = ", ".join(
        quote(real) for role, real in table.columns.items() if "{" + role + "}" in column
    )
    draft.alias(
        table,
        f"{table.object}.{quote(name)}",
        f"{table.object} {quote(name)}",
        f"{table.object} ({quote(name)})",
        f"{table.object} ({columns})",
        f"{table.object}({columns})",
        f"{table.object}.{columns}",
    )


def lacks(draft: Draft, table: Table) -> None:
    draft.expect("ForeignKeyWithoutIndex", table)
    draft.premise("it is large", f"{pages(table)} > 150 AND {stat(table, 'n_live_tup')} > 20000")


@keys.problem("plain", "each delete of a parent reads the whole child")
def _(draft: Draft) -> None:
    table = draft.table(children(draft))
    reference(draft, table, parent_of(draft))
    lacks(draft, table)


@keys.problem("names", "neither its name nor its parent's is plain")
def _(draft: Draft) -> None:
    table = draft.table(children(draft), flavour="sql")
    reference(draft, table, parent_of(draft, flavour="dotted"))
    lacks(draft, table)


@keys.problem("across schemas", "the parent is in another schema, under the same name")
def _(draft: Draft) -> None:
    first, second = draft.rng.sample(list(draft.world.schemas), 2)
    parent = parent_of(draft, schema=first)
    table = draft.table(children(draft), schema=second, name=parent.name)
    reference(draft, table, parent)
    lacks(draft, table)


@keys.problem("cascade", "ON DELETE CASCADE finds its rows by reading all")
def _(draft: Draft) -> None:
    table = draft.table(children(draft))
    reference(draft, table, parent_of(draft), tail="ON DELETE CASCADE")
    lacks(draft, table)


def two_columns(draft: Draft) -> Table:
    """A parent with a key of two columns; every child row's (a, b) is in it."""
    parent = draft.table(0, key=False)
    draft.load(parent.fill(f"ALTER TABLE {parent.sql} ADD PRIMARY KEY ({{a}}, {{b}})"))
    return parent


def two_column_key(draft: Draft) -> Table:
    parent = two_columns(draft)
    table = draft.table(children(draft))
    draft.load(
        parent.fill(f"INSERT INTO {parent.sql} ({{a}}, {{b}}, {{t}})")
        + table.fill(f" SELECT DISTINCT {{a}}, {{b}}, 'x' FROM {table.sql}")
    )
    reference(draft, table, parent, "{a}, {b}", parent.fill("({a}, {b})"))
    return table


@keys.problem("two columns", "no index starts with its two columns")
def _(draft: Draft) -> None:
    lacks(draft, two_column_key(draft))


@keys.problem("half of it indexed", "the index of one of its columns is all that deletes have")
def _(draft: Draft) -> None:
    table = two_column_key(draft)
    index = draft.index(table, "{a}")
    draft.premise("it was never used", f"coalesce({idx_scans(index)}, 0) = 0")
    lacks(draft, table)


@keys.problem("second column of an index", "an index that starts with another column finds nothing")
def _(draft: Draft) -> None:
    table = draft.table(children(draft))
    draft.index(table, "{t}, {a}", use="{t} = 'x'")
    reference(draft, table, parent_of(draft))
    lacks(draft, table)


@keys.problem("only a partial index", "it holds a hundredth of the rows")
def _(draft: Draft) -> None:
    table = draft.table(children(draft))
    draft.index(table, "{a}", use="{a} = 5 AND {c} < 30", tail="WHERE {c} < 30")
    reference(draft, table, parent_of(draft))
    lacks(draft, table)


@keys.problem("one of two", "the first has its index, the second none")
def _(draft: Draft) -> None:
    table = draft.table(children(draft))
    second = draft.table(4_001, ids="g - 1")
    reference(draft, table, parent_of(draft))
    draft.index(table, "{a}", use="{a} = 5")
    reference(draft, table, second, "{b}")
    lacks(draft, table)


@keys.problem(
    "of a partitioned table", "one key, one finding: the root's, not one for each partition"
)
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft)
    reference(draft, root, parent_of(draft))
    draft.expect("ForeignKeyWithoutIndex", root)
    for leaf in leaves:
        draft.premise("the partitions are large", f"{pages(leaf)} > 80")


@keys.problem("of one partition", "the others have no such key; it is told of the root")
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft)
    reference(draft, leaves[1], parent_of(draft))
    draft.expect("ForeignKeyWithoutIndex", root)


@keys.problem(
    "to a partitioned table", "the server keeps a key for each partition of the parent; it is one"
)
def _(draft: Draft) -> None:
    parent = draft.table(
        key=False, columns=[c for c in LOAD if c[0] != "t"], pad=0, tail="PARTITION BY RANGE ({id})"
    )
    draft.load(parent.fill(f"ALTER TABLE {parent.sql} ADD PRIMARY KEY ({{id}})"))
    for n in range(2):
        leaf = draft.named(schema=parent.schema)
        draft.load(
            f"CREATE TABLE {leaf.sql} PARTITION OF {parent.sql}"
            f" FOR VALUES FROM ({n * 3000}) TO ({n * 3000 + 3000})"
        )
    draft.load(
        f"INSERT INTO {parent.sql} SELECT {', '.join(['g - 1'] * len(parent.columns))}"
        " FROM generate_series(1, 5003) g"
    )
    table = draft.table(children(draft))
    reference(draft, table, parent)
    lacks(draft, table)


@keys.problem("to itself", "a tree whose nodes find their children by reading all")
def _(draft: Draft) -> None:
    columns = [*LOAD, ("up", "bigint", "(g / 7) + 1")]
    table = draft.table(children(draft), columns=columns)
    reference(draft, table, table, "{up}")
    lacks(draft, table)


def indexed(
    name: str,
    why: str,
    on: str,
    *,
    two: bool = False,
    use: str = "",
    using: str = "btree",
    tail: str = "",
) -> None:
    """A key that an index serves."""

    def write(draft: Draft) -> None:
        if two:
            table = two_column_key(draft)
        else:
            table = draft.table(children(draft))
            reference(draft, table, parent_of(draft))
        draft.index(table, on, use=use or "{a} = 5 AND {b} = 5", using=using, tail=tail)

    keys.add(name, "trap", why, write)


indexed("indexed", "it has its index", "{a}")
indexed("longer index", "its column leads", "{a}, {t}")
indexed("included columns", "its column is the key", "{a}", tail="INCLUDE ({b})")
indexed("descending index", "equality has no direction", "{a} DESC NULLS LAST")
indexed("hash index", "deletes look for equality", "{a}", using="hash", use="{a} = 5")
indexed("two columns, other order", "both lead, whichever is first", "{b}, {a}", two=True)
indexed("two columns, longer index", "the first two are its own", "{b}, {a}, {t}", two=True)
indexed("all but NULLs", "no NULL refers to anything", "{a}", tail="WHERE {a} IS NOT NULL")


@keys.trap("covered by the primary key", "the key of a link table serves its first column")
def _(draft: Draft) -> None:
    table = draft.table(children(draft), key=False)
    draft.load(table.fill(f"ALTER TABLE {table.sql} ADD PRIMARY KEY ({{a}}, {{id}})"))
    reference(draft, table, parent_of(draft))


@keys.trap("tiny child", "a page is read faster than an index")
def _(draft: Draft) -> None:
    table = draft.table(20)
    reference(draft, table, parent_of(draft))
    draft.premise("one page", f"{pages(table)} = 1")


@keys.trap("empty child", "there is nothing to find")
def _(draft: Draft) -> None:
    reference(draft, draft.table(0), parent_of(draft))


@keys.trap("to itself, deferrable, indexed", "a tree with its index")
def _(draft: Draft) -> None:
    columns = [*LOAD, ("up", "bigint", "(g / 7) + 1")]
    table = draft.table(children(draft), columns=columns)
    reference(draft, table, table, "{up}", "DEFERRABLE INITIALLY DEFERRED")
    draft.index(table, "{up}", use="{up} = 5")


@keys.trap("of a partitioned table, indexed", "the root's index is on every partition")
def _(draft: Draft) -> None:
    root, _ = partitioned(draft)
    reference(draft, root, parent_of(draft))
    draft.index(root, "{a}")
    draft.load(
        "SET enable_seqscan = off",
        f"DO $corpus$ BEGIN FOR i IN 1..400 LOOP PERFORM 1 FROM {root.sql}"
        f" WHERE {root.fill('{a}')} = 5; END LOOP; END $corpus$",
        "RESET enable_seqscan",
    )


@keys.trap("of a partitioned table, indexed one by one", "each partition has an index of its own")
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft)
    reference(draft, root, parent_of(draft))
    for leaf in leaves:
        index = draft.index(leaf, "{a}")
        draft.premise("it was never used", f"coalesce({idx_scans(index)}, 0) = 0")


@keys.trap(
    "of a partition's partitions, indexed one by one", "a partition's index is on those below it"
)
def _(draft: Draft) -> None:
    root, leaves = partitioned(draft, 2)
    middle, leaf = (draft.named(schema=root.schema) for _ in range(2))
    draft.load(
        f"CREATE TABLE {middle.sql} PARTITION OF {root.sql} FOR VALUES FROM (24000) TO (36000)"
        + root.fill(" PARTITION BY RANGE ({id})"),
        f"CREATE TABLE {leaf.sql} PARTITION OF {middle.sql} FOR VALUES FROM (24000) TO (36000)",
    )
    reference(draft, root, parent_of(draft))
    for part in (*leaves, Table(middle.schema, middle.name, middle.object, root.columns)):
        draft.index(part, "{a}")


@keys.trap("exclusion constraint", "its index leads with the column, and finds equal values")
def _(draft: Draft) -> None:
    address = "'10.0.0.0'::inet + g % 5003"
    parent = draft.table(5_003, columns=[("address", "inet", address)], key=False)
    draft.load(parent.fill(f"ALTER TABLE {parent.sql} ADD PRIMARY KEY ({{address}})"))
    columns = [("address", "inet", address), ("span", "int4range", "int4range(g, g + 1)")]
    table = draft.table(children(draft) // 4, columns=columns)
    draft.load(
        table.fill(
            f"ALTER TABLE {table.sql} ADD EXCLUDE USING gist"
            " ({address} inet_ops WITH =, {span} WITH &&)"
        )
    )
    reference(draft, table, parent, "{address}")


@keys.problem("index of another collation", "the planner takes it for no look-up of the key's own")
def _(draft: Draft) -> None:
    parent = draft.table(5_003, columns=[("code", "text", "md5((g % 5003)::text)")], key=False)
    draft.load(parent.fill(f"ALTER TABLE {parent.sql} ADD PRIMARY KEY ({{code}})"))
    table = draft.table(children(draft), columns=[("code", "text", "md5((g % 5003)::text)")])
    draft.index(table, '{code} COLLATE "POSIX"', use="{code} = 'x' COLLATE \"POSIX\"")
    reference(draft, table, parent, "{code}")
    lacks(draft, table)


@keys.trap("same columns, other table", "a column of that name elsewhere refers to nothing")
def _(draft: Draft) -> None:
    first, second = draft.rng.sample(list(draft.world.schemas), 2)
    table = draft.table(children(draft), schema=first)
    reference(draft, table, parent_of(draft))
    draft.index(table, "{a}", use="{a} = 5")
    draft.table(children(draft), schema=second, name=table.name)
