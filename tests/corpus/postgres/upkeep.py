"""VACUUM and ANALYZE: what was never done, is long due, or left holes behind."""

from tests.corpus.postgres.draft import LOAD, Draft, Named, Table, pages, stat
from tests.corpus.postgres.registry import Chapter

statistics = Chapter("statistics")
dead = Chapter("dead rows")
wraparound = Chapter("wraparound")
bloat = Chapter("bloat")

# By hand only: no worker changes what was planted while the tests run.
BY_HAND = "WITH (autovacuum_enabled = off)"
# Autovacuum may begin, and needs an hour for each table: as one does that is throttled too far.
THROTTLED = "WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1{})"


def analysed(table: Named) -> str:
    return f"EXISTS (SELECT FROM pg_statistic WHERE starelid = {table.oid})"


def never(draft: Draft, table: Named) -> None:
    draft.expect("NeverAnalyzed", table)
    draft.allow("StaleStatistics", of=table)  # every row changed since it was not analysed
    draft.premise("it has no statistics", f"NOT {analysed(table)}")
    draft.premise("it is large", f"{pages(table)} > 200")


@statistics.problem("never analysed", "the planner guesses")
def _(draft: Draft) -> None:
    never(draft, draft.table(30_000, tail=BY_HAND, settle=False))


@statistics.problem("never analysed, odd name", "the planner guesses here too")
def _(draft: Draft) -> None:
    never(draft, draft.table(30_000, tail=BY_HAND, settle=False, flavour="sql"))


@statistics.problem("vacuumed only", "VACUUM counts rows and pages and knows no values")
def _(draft: Draft) -> None:
    table = draft.table(30_000, tail=BY_HAND, settle=False)
    draft.settle(f"VACUUM {table.sql}")
    never(draft, table)


@statistics.problem("never analysed, unlogged", "unlogged tables are planned like others")
def _(draft: Draft) -> None:
    create = "CREATE UNLOGGED TABLE"
    never(draft, draft.table(30_000, tail=BY_HAND, settle=False, create=create))


@statistics.problem("never analysed materialized view", "refreshed and never analysed")
def _(draft: Draft) -> None:
    source = draft.table(25_000)
    view = draft.named(schema=source.schema)
    draft.load(f"CREATE MATERIALIZED VIEW {view.sql} {BY_HAND} AS SELECT * FROM {source.sql}")
    never(draft, view)


def stale(draft: Draft, table: Named) -> None:
    draft.expect("StaleStatistics", table)
    draft.premise("it was analysed", analysed(table))
    draft.premise(
        "nearly all changed since",
        f"{stat(table, 'n_mod_since_analyze')} > 0.85 * {stat(table, 'n_live_tup')}"
        f" AND {stat(table, 'n_live_tup')} > 20000",
    )


def grow(draft: Draft, table: Table, before: int, after: int) -> None:
    draft.work(
        f"INSERT INTO {table.sql} ({', '.join(table.fill('{' + c + '}') for c in ('id', 'a', 't'))})"
        f" SELECT g, g % 100, 'new' FROM generate_series({before + 1}, {after}) g"
    )


@statistics.problem("grown tenfold", "analysed when it was a tenth of what it is")
def _(draft: Draft) -> None:
    table = draft.table(4_000, tail=BY_HAND)
    grow(draft, table, 4_000, 40_000)
    stale(draft, table)


@statistics.problem("grown tenfold, odd name", "the same under a name with a dot")
def _(draft: Draft) -> None:
    table = draft.table(3_000, tail=BY_HAND, flavour="dotted")
    grow(draft, table, 3_000, 36_000)
    stale(draft, table)


@statistics.problem("rewritten twice", "no row is what it was, and VACUUM alone came by")
def _(draft: Draft) -> None:
    columns = [c for c in LOAD if c[0] != "t"]
    table = draft.table(24_000, tail=BY_HAND, columns=columns, settle=False)
    draft.load(f"ANALYZE {table.sql}")
    draft.load(*[table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 10000")] * 2)
    draft.settle(f"VACUUM {table.sql}")
    draft.premise("none is dead", f"{stat(table, 'n_dead_tup')} = 0")
    stale(draft, table)
    draft.allow("TableBloat", "IndexBloat", of=table)  # room of one more version of each row
    # A VACUUM beside others may find that their snapshots still need the last version.
    draft.allow("DeadTuples", "AutovacuumBehind", of=table)
    draft.allow("IndexBloat", of=_key_of(table, draft))


def _key_of(table: Table, draft: Draft) -> str:
    """The index of the primary key, by the name the server gives it."""
    return draft.world.quote(table.schema, _pkey(table.name))


def _pkey(name: str) -> str:
    text = name.encode()[: 63 - len("_pkey")].decode(errors="ignore")
    return f"{text}_pkey"


@statistics.trap("one in a hundred changed", "statistics of 99 % of the rows hold")
def _(draft: Draft) -> None:
    table = draft.table(30_000, tail=BY_HAND)
    grow(draft, table, 30_000, 30_300)
    draft.premise("it changed a little", f"{stat(table, 'n_mod_since_analyze')} BETWEEN 1 AND 600")


@statistics.trap("tiny and restless", "twenty rows are read whole whatever the statistics say")
def _(draft: Draft) -> None:
    table = draft.table(20, tail=BY_HAND)
    draft.work(*[table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 1")] * 12)


@statistics.trap("analysed after the change", "it grew tenfold and was analysed then")
def _(draft: Draft) -> None:
    table = draft.table(3_000, tail=BY_HAND, settle=False)
    draft.load(f"ANALYZE {table.sql}")
    draft.load(
        table.fill(f"INSERT INTO {table.sql} ({{id}}, {{a}}) ")
        + "SELECT g, g % 100 FROM generate_series(3001, 33000) g"
    )
    draft.settle(f"VACUUM (ANALYZE) {table.sql}")


@statistics.trap("autovacuum off, no change", "there is nothing to do")
def _(draft: Draft) -> None:
    table = draft.table(30_000, tail=BY_HAND)
    draft.premise("no change", f"{stat(table, 'n_mod_since_analyze')} = 0")


@statistics.trap("counters reset", "last_analyze is NULL, and the statistics are there")
def _(draft: Draft) -> None:
    table = draft.table(30_000, tail=BY_HAND)
    draft.work(f"SELECT pg_stat_reset_single_table_counters({table.oid})")
    draft.premise(
        "no date is left",
        f"(SELECT last_analyze IS NULL FROM pg_stat_all_tables WHERE relid = {table.oid})",
    )
    draft.premise("the statistics are there", analysed(table))


@statistics.trap("empty", "there is nothing to analyse")
def _(draft: Draft) -> None:
    draft.table(0, settle=False)


@statistics.trap("just created", "a dozen rows, a moment ago")
def _(draft: Draft) -> None:
    draft.table(12, settle=False)


@statistics.trap("loaded and analysed", "a large load, done as one should")
def _(draft: Draft) -> None:
    draft.table(40_000)


@statistics.trap("emptied", "all rows were deleted, and it was vacuumed and analysed")
def _(draft: Draft) -> None:
    table = draft.table(15_000, tail=BY_HAND)
    draft.load(f"DELETE FROM {table.sql}")
    draft.premise("it is empty", f"{pages(table)} = 0")
    draft.allow("IndexBloat", of=_key_of(table, draft))  # its pages wait to be used again


def much_dead(draft: Draft, table: Table) -> None:
    draft.premise(
        "most of its rows are dead",
        f"{stat(table, 'n_dead_tup')} > 1.5 * {stat(table, 'n_live_tup')}"
        f" AND {stat(table, 'n_dead_tup')} > 30000",
    )


def analyse(draft: Draft, table: Table) -> None:
    """Statistics of what is there now; counters that come after it would count as changes."""
    draft.work("SELECT pg_stat_force_next_flush()", f"ANALYZE {table.sql}")
    draft.premise("it is analysed", f"{stat(table, 'n_mod_since_analyze')} = 0")


def churn(draft: Draft, table: Table, times: int = 2) -> None:
    """New versions of every row, and statistics of them."""
    draft.work(*[table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 10000")] * times)
    analyse(draft, table)


@dead.problem("updated, never vacuumed", "two dead versions of each row")
def _(draft: Draft) -> None:
    table = draft.table(26_000, tail=BY_HAND, key=False)
    churn(draft, table)
    _dead(draft, table)


@dead.problem("updated, never vacuumed, odd name", "two dead versions of each row")
def _(draft: Draft) -> None:
    table = draft.table(26_000, tail=BY_HAND, key=False, flavour="quote")
    churn(draft, table)
    _dead(draft, table)


@dead.problem("deleted, never vacuumed", "nine of ten rows are dead")
def _(draft: Draft) -> None:
    table = draft.table(50_000, tail=BY_HAND, key=False)
    draft.work(table.fill(f"DELETE FROM {table.sql} WHERE {{id}} % 10 <> 0"))
    analyse(draft, table)
    _dead(draft, table)


def _dead(draft: Draft, table: Table) -> None:
    draft.expect("DeadTuples", table)
    draft.allow("AutovacuumBehind", "TableBloat", of=table)
    much_dead(draft, table)


@dead.problem("updated, never vacuumed, indexed", "its indexes have entries for the dead rows too")
def _(draft: Draft) -> None:
    table = draft.table(60_000, columns=SHORT, tail=BY_HAND, key=False, pad=10)
    index = draft.index(table, "{a}", use="{a} = 5")
    churn(draft, table, 3)
    _dead(draft, table)
    draft.premise("it is large", f"{pages(index)} > 350")


@dead.problem("autovacuum switched OFF", "the switch may be written in capitals")
def _(draft: Draft) -> None:
    table = draft.table(26_000, tail="WITH (autovacuum_enabled = 'OFF')", key=False)
    draft.work(table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 10000 WHERE {{id}} % 3 = 0"))
    analyse(draft, table)
    draft.expect("AutovacuumBehind", table)
    draft.premise("a quarter of its rows is dead", f"{stat(table, 'n_dead_tup')} > 8000")
    draft.allow("DeadTuples", of=table)


def _behind(draft: Draft, tail: str, flavour: str | None = None) -> None:
    table = draft.table(26_000, tail=THROTTLED.format(tail), key=False, flavour=flavour)
    churn(draft, table)
    draft.expect("AutovacuumBehind", table)
    draft.allow("DeadTuples", "TableBloat", of=table)
    much_dead(draft, table)


@dead.problem("autovacuum far behind", "ten times its threshold is dead, and autovacuum is on")
def _(draft: Draft) -> None:
    _behind(draft, "")


@dead.problem("autovacuum behind its own setting", "five hundred times the threshold set for it")
def _(draft: Draft) -> None:
    _behind(
        draft,
        ", autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0",
        flavour="upper",
    )


@dead.trap("tiny and restless", "most of its rows are dead: forty of them")
def _(draft: Draft) -> None:
    table = draft.table(5, tail=BY_HAND, key=False)
    draft.work(*[table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 1")] * 8)


@dead.trap("one in a hundred dead", "VACUUM would hardly find anything")
def _(draft: Draft) -> None:
    table = draft.table(30_000, tail=BY_HAND)
    draft.work(table.fill(f"DELETE FROM {table.sql} WHERE {{id}} % 100 = 0"))
    draft.premise("a few are dead", f"{stat(table, 'n_dead_tup')} BETWEEN 250 AND 350")


@dead.trap("vacuumed since", "half of its rows were deleted and cleared away")
def _(draft: Draft) -> None:
    table = draft.table(12_000, tail=BY_HAND)
    draft.load(table.fill(f"DELETE FROM {table.sql} WHERE {{id}} > 6000"))
    draft.premise("none is dead", f"{stat(table, 'n_dead_tup')} = 0")
    draft.allow("IndexBloat", of=_key_of(table, draft))


@dead.trap("threshold of its own, nothing dead", "a low threshold isn't passed by nothing")
def _(draft: Draft) -> None:
    draft.table(
        10_000,
        tail="WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)",
    )


def _old(draft: Draft, column: str, age: str, newest: str, kind: str, finding: str) -> None:
    # Below the age of the emergency vacuum, which heeds no throttle.
    table = draft.table(60_000, tail=THROTTLED.format(""), key=False, pad=120)
    draft.work(
        f"UPDATE pg_class SET {column} ="
        f" (((({newest}) - 1500000000 + 4294967296) % 4294967296)::text)::{kind}"
        f" WHERE oid = {table.oid}"
    )
    draft.expect(finding, table)
    draft.allow("AutovacuumBehind", of=table)
    draft.premise(
        "1.5 billion old",
        f"(SELECT {age}({column}) BETWEEN 1400000000 AND 1600000000 FROM pg_class"
        f" WHERE oid = {table.oid})",
    )


@wraparound.problem("transaction ids", "its oldest row may be 1.5 of 2.1 billion transactions old")
def _(draft: Draft) -> None:
    newest = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    _old(draft, "relfrozenxid", "age", newest, "xid", "TransactionIdWraparound")


@wraparound.problem("multixact ids", "its oldest may be 1.5 of 2.1 billion multixacts old")
def _(draft: Draft) -> None:
    newest = "(SELECT next_multixact_id::text::bigint FROM pg_control_checkpoint())"
    _old(draft, "relminmxid", "mxid_age", newest, "xid", "MultixactWraparound")


@wraparound.trap("no transaction id at all", "a partitioned root has none: its age reads as 2^31-1")
def _(draft: Draft) -> None:
    root = draft.table(key=False, tail="PARTITION BY RANGE ({id})")
    leaf = draft.named(schema=root.schema)
    draft.load(f"CREATE TABLE {leaf.sql} PARTITION OF {root.sql} FOR VALUES FROM (0) TO (9)")
    draft.premise(
        "its age reads as the largest",
        f"(SELECT age(relfrozenxid) > 2000000000 FROM pg_class WHERE oid = {root.oid})",
    )


def hollow(draft: Draft, table: Table, keep: int = 20) -> None:
    """Delete all but one row in `keep`: the pages stay, nearly empty."""
    draft.weight = 20
    draft.load(table.fill(f"DELETE FROM {table.sql} WHERE {{id}} % {keep} <> 0"))
    draft.expect("TableBloat", table)
    draft.premise(
        "nearly all of it is free",
        f"{pages(table)} > 3000 AND {pages(table)} * 8192 >"
        f" 8 * (SELECT sum(pg_column_size(t.*) + 28) FROM {table.sql} t)",
    )
    draft.premise("none is dead", f"{stat(table, 'n_dead_tup')} = 0")
    draft.premise("it is analysed", f"{stat(table, 'n_mod_since_analyze')} = 0")


SHORT = [("a", "int", "g"), ("k", "text", "md5(g::text) || repeat('k', 60)")]


@bloat.problem("deleted and vacuumed", "one row in twenty is left, on the pages of all")
def _(draft: Draft) -> None:
    hollow(draft, draft.table(120_000, columns=SHORT, key=False, tail=BY_HAND, pad=110))


@bloat.problem("deleted and vacuumed, odd name", "the same under a name with a dot")
def _(draft: Draft) -> None:
    table = draft.table(110_000, columns=SHORT, key=False, tail=BY_HAND, flavour="dotted", pad=130)
    hollow(draft, table, 25)


@bloat.problem("table and index", "an index keeps its pages too")
def _(draft: Draft) -> None:
    table = draft.table(110_000, columns=SHORT, key=False, tail=BY_HAND, pad=110)
    index = draft.index(table, "{k}", use="{k} = 'x'")
    hollow(draft, table)
    _hollow_index(draft, index)


@bloat.problem("table and two indexes", "each of them is a finding of its own")
def _(draft: Draft) -> None:
    table = draft.table(110_000, columns=SHORT, key=False, tail=BY_HAND, pad=110)
    first = draft.index(table, "{k}", use="{k} = 'x'", flavour="upper")
    second = draft.index(table, "{a}, {k}", use="{a} = 5", flavour="emoji")
    hollow(draft, table)
    _hollow_index(draft, first)
    _hollow_index(draft, second)


def _hollow_index(draft: Draft, index: Named) -> None:
    draft.expect("IndexBloat", index)
    draft.premise(
        "it has room for ten times its entries",
        f"{pages(index)} > 1200 AND {pages(index)} * 8192 >"
        f" 8 * 120 * (SELECT reltuples FROM pg_class WHERE oid = {index.oid})",
    )


def innocent(
    name: str,
    why: str,
    rows: int,
    columns: list[tuple[str, str, str]],
    tail: str = "",
    pad: int = 0,
    key: bool = False,
) -> None:
    """A table that is as large as it has to be."""

    def write(draft: Draft) -> None:
        table = draft.table(rows, columns=columns, tail=tail, pad=pad, key=key)
        draft.premise("it is large", f"{pages(table)} > 500")

    bloat.add(name, "trap", why, write)


innocent(
    "fillfactor",
    "four fifths are left free by its own setting",
    30_000,
    list(LOAD),
    "WITH (fillfactor = 20)",
    40,
)
innocent(
    "fillfactor, written as a decimal",
    "four fifths are left free by its own setting, whose text is no whole number",
    30_000,
    list(LOAD),
    "WITH (fillfactor = 20.0)",
    40,
)
innocent("fresh", "a load as large as the bloated ones", 60_000, SHORT, pad=110)
innocent("narrow rows", "the header is larger than the row", 150_000, [("s", "smallint", "g % 9")])
innocent(
    "one row a page",
    "rows of just over half a page leave the rest free: a rewrite gains nothing",
    1_200,
    [("doc", "char(4200)", "'x'"), ("a", "int", "g")],
    "WITH (toast_tuple_target = 8160)",
)
innocent(
    "padding", "columns are aligned: a boolean between bigints takes eight bytes", 60_000,
    [(f"{kind[:2]}{n}", kind, "g % 2 = 0" if kind == "boolean" else "g")
     for n in range(5) for kind in ("boolean", "bigint")],
)  # fmt: skip
innocent(
    "mostly NULL", "a NULL takes a bit, not its type's width", 60_000,
    [(f"n{n}", "text", f"CASE WHEN g % 40 = {n} THEN md5(g::text) END") for n in range(40)], pad=60,
)  # fmt: skip


@bloat.trap("large TOAST", "the heap is small and full, megabytes lie beside it")
def _(draft: Draft) -> None:
    columns = [
        (
            "doc",
            "text",
            "(SELECT string_agg(md5((i * g)::text), '') FROM generate_series(1, 90) i)",
        )
    ]
    table = draft.table(3_000, columns=columns, key=False)
    draft.premise("large in all", f"pg_total_relation_size({table.oid}) > 5000000")


@bloat.trap("index fillfactor", "four fifths are left free by its own setting")
def _(draft: Draft) -> None:
    table = draft.table(60_000, columns=SHORT)
    index = draft.index(table, "{k}", use="{k} = 'x'", tail="WITH (fillfactor = 20)")
    draft.premise("it is large", f"{pages(index)} > 3000")


@bloat.trap("fresh indexes", "one of long keys, one of few values, folded into lists")
def _(draft: Draft) -> None:
    table = draft.table(60_000, columns=[*SHORT, ("few", "int", "g % 7")])
    draft.index(table, "{k}", use="{k} = 'x'")
    draft.index(table, "{few}", use="{few} = 5")


@bloat.trap("sparse partial index", "it leaves out the NULLs, which make the average value short")
def _(draft: Draft) -> None:
    text = "CASE WHEN g % 20 = 0 THEN repeat(md5(g::text), 5) END"
    table = draft.table(500_000, columns=[("note", "text", text)], key=False, pad=0)
    tail = "WHERE {note} IS NOT NULL"
    index = draft.index(table, "{note}", use="{note} = 'x'", tail=tail)
    draft.premise("it is large", f"{pages(index)} > 500")


@bloat.trap("partial index of long values", "its values are long, those of the table are not")
def _(draft: Draft) -> None:
    text = "CASE WHEN g % 10 = 0 THEN repeat(md5(g::text), 9) ELSE 'n' || g END"
    table = draft.table(120_000, columns=[("note", "text", text)], key=False, pad=0)
    tail = "WHERE length({note}) > 100"
    use = "{note} = 'x' AND length({note}) > 100"
    index = draft.index(table, "{note}", use=use, tail=tail)
    draft.premise("it is large", f"{pages(index)} > 500")


@bloat.trap(
    "index of values out of line", "the table has pointers to its values, the index has them"
)
def _(draft: Draft) -> None:
    text = "(SELECT string_agg(md5((g * 100 + i)::text), '') FROM generate_series(1, 66) i)"
    table = draft.table(3_000, columns=[("note", "text", text)], key=False, pad=400)
    index = draft.index(table, "{note}", use="{note} = 'x'")
    draft.premise("it is larger than its table", f"{pages(index)} > 3 * {pages(table)}")
    draft.premise("the table is large enough to look at", f"{pages(table)} > 150")


@bloat.trap("gin index", "its size follows from words, not rows")
def _(draft: Draft) -> None:
    columns = [
        ("words", "text[]", "ARRAY(SELECT md5((g % 500 + i)::text) FROM generate_series(1, 12) i)")
    ]
    table = draft.table(8_000, columns=columns)
    draft.index(table, "{words}", use="{words} @> ARRAY['x']", using="gin")
