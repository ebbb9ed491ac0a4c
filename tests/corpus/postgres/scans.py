"""Tables read from end to end."""

from tests.corpus.postgres.draft import Draft, Table, pages, repeat, stat
from tests.corpus.postgres.registry import Chapter

scans = Chapter("scans")


def big(draft: Draft) -> int:
    return draft.rng.randint(11_500, 12_200)


def many(draft: Draft) -> int:
    return draft.rng.randint(1_900, 2_200)


def read_whole(draft: Draft, table: Table, times: int | None = None) -> None:
    """The problem itself: a large table read whole thousands of times."""
    times = times or many(draft)
    draft.weight = 30
    draft.scan(table, times)
    draft.expect("SequentialScans", table)
    draft.premise("it was scanned", f"{stat(table, 'seq_scan')} >= {times}")
    draft.premise("whole", f"{stat(table, 'seq_tup_read')} >= {times} * 11500")
    draft.premise("it is large", f"{pages(table)} > 200")


@scans.problem("no index at all", "idx_scan is NULL: the worst case, not an unknown one")
def _(draft: Draft) -> None:
    table = draft.table(big(draft), key=False, flavour="plain", pad=150)
    read_whole(draft, table, 2_600)
    draft.premise(
        "idx_scan is NULL",
        f"(SELECT idx_scan IS NULL FROM pg_stat_user_tables WHERE relid = {table.oid})",
    )


@scans.problem("upper-case name", "only the primary key is indexed, and nothing looks it up")
def _(draft: Draft) -> None:
    read_whole(draft, draft.table(big(draft), flavour="upper", pad=150))


@scans.problem("dotted name", "a dot in a name separates nothing")
def _(draft: Draft) -> None:
    read_whole(draft, draft.table(big(draft), flavour="dotted", pad=150))


@scans.problem("unicode name", "a name is any text")
def _(draft: Draft) -> None:
    read_whole(draft, draft.table(big(draft), flavour="unicode", pad=150, key=False))


@scans.problem("name that is SQL", "a name is data, whatever it says")
def _(draft: Draft) -> None:
    read_whole(draft, draft.table(big(draft), flavour="sql", pad=150))


@scans.problem("one of two twins", "only the one that is read is meant, its namesake is not")
def _(draft: Draft) -> None:
    first, second = draft.rng.sample(list(draft.world.schemas), 2)
    table = draft.table(big(draft), schema=first, pad=150)
    twin = draft.table(big(draft), schema=second, name=table.name, pad=150)
    read_whole(draft, table)
    draft.premise("its twin is calm", f"{stat(twin, 'seq_scan')} < 20")


@scans.problem("partitions", "a partitioned table is one table: its partitions count for the root")
def _(draft: Draft) -> None:
    root = draft.table(key=False, tail="PARTITION BY RANGE ({id})", pad=150)
    leaves = []
    for n in range(3):
        leaf = draft.named(schema=root.schema)
        draft.load(
            f"CREATE TABLE {leaf.sql} PARTITION OF {root.sql}"
            f" FOR VALUES FROM ({n * 4000}) TO ({n * 4000 + 4000})"
        )
        leaves.append(leaf)
    insert = ", ".join(
        {"id": "g", "pad": "repeat('x', 150)", "t": "md5(g::text)"}.get(role, "g * 7 % 5003")
        for role in root.columns
    )
    draft.load(f"INSERT INTO {root.sql} SELECT {insert} FROM generate_series(0, 11999) g")
    times = many(draft)
    draft.weight = 30
    draft.scan(root, times)
    draft.expect("SequentialScans", root)
    for leaf in leaves:
        draft.premise("each leaf was scanned", f"{stat(leaf, 'seq_scan')} >= {times}")


@scans.problem("materialized view", "it is read like a table, and can be indexed like one")
def _(draft: Draft) -> None:
    source = draft.table(big(draft), pad=150)
    view = draft.named(schema=source.schema)
    draft.load(f"CREATE MATERIALIZED VIEW {view.sql} AS SELECT * FROM {source.sql}")
    draft.settle(f"VACUUM (ANALYZE) {view.sql}")
    read_whole(draft, Table(view.schema, view.name, view.object, source.columns))


@scans.problem("index hardly used", "ten whole reads for each use of an index and more")
def _(draft: Draft) -> None:
    table = draft.table(big(draft), pad=150, flavour="space")
    draft.use(table, draft.index(table, "{b}"), "{b} = 5", 180)
    read_whole(draft, table, 2_200)
    draft.premise(
        "reads outnumber the use", f"{stat(table, 'seq_scan')} >= 11 * {stat(table, 'idx_scan')}"
    )


@scans.problem("wide rows, never analysed", "nobody has counted its pages: scans read them all")
def _(draft: Draft) -> None:
    table = draft.table(
        big(draft), key=False, pad=150, settle=False, tail="WITH (autovacuum_enabled = off)"
    )
    read_whole(draft, table)
    draft.expect("NeverAnalyzed", table)
    draft.allow("StaleStatistics", of=table)
    draft.premise(
        "its pages are not counted",
        f"(SELECT relpages = 0 FROM pg_class WHERE oid = {table.oid})",
    )


@scans.trap("small and restless, never analysed", "few rows that are written all the time")
def _(draft: Draft) -> None:
    tail = "WITH (autovacuum_enabled = off)"
    table = draft.table(40, key=False, settle=False, tail=tail)
    draft.load(repeat(table.fill(f"UPDATE {table.sql} SET {{a}} = {{a}} + 1"), 15))
    draft.scan(table, 1_500)
    draft.premise("it is small", f"{pages(table)} < 100")
    draft.allow("DeadTuples", "AutovacuumBehind", of=table)


@scans.trap("one page", "reading one page is the fastest there is, however often")
def _(draft: Draft) -> None:
    table = draft.table(15)
    draft.scan(table, 60_000)
    draft.premise("one page", f"{pages(table)} = 1")
    draft.premise("very often", f"{stat(table, 'seq_scan')} >= 60000")


@scans.trap("one page without index", "idx_scan is NULL and the table is tiny")
def _(draft: Draft) -> None:
    table = draft.table(20, key=False)
    draft.scan(table, 30_000)
    draft.premise("one page", f"{pages(table)} = 1")


@scans.trap("lookup table", "two pages of states and countries belong read whole")
def _(draft: Draft) -> None:
    table = draft.table(120)
    draft.scan(table, 10_000)
    draft.premise("a few pages", f"{pages(table)} BETWEEN 2 AND 4")


@scans.trap("empty", "nothing is read")
def _(draft: Draft) -> None:
    table = draft.table(0, key=False)
    draft.scan(table, 20_000)
    draft.premise("no page", f"{pages(table)} = 0")


@scans.trap("nightly report", "a large table is read whole now and then")
def _(draft: Draft) -> None:
    table = draft.table(30_000, pad=150)
    draft.scan(table, 12)
    draft.premise("it is large", f"{pages(table)} > 500")
    draft.premise("rarely", f"{stat(table, 'seq_scan')} BETWEEN 12 AND 25")


@scans.trap("archive", "a large table without index that nobody reads")
def _(draft: Draft) -> None:
    table = draft.table(30_000, key=False, pad=150)
    draft.premise("hardly read", f"{stat(table, 'seq_scan')} < 5")


@scans.trap("served by indexes", "whole reads are one in a hundred")
def _(draft: Draft) -> None:
    table = draft.table(big(draft), pad=150)
    index = draft.index(table, "{a}")
    draft.use(table, index, "{a} = 5", 6_000)
    draft.scan(table, 60)
    draft.premise("by index", f"{stat(table, 'idx_scan')} > 90 * {stat(table, 'seq_scan')}")


@scans.trap("counters reset", "its counters began again a moment ago: they say nothing")
def _(draft: Draft) -> None:
    table = draft.table(big(draft), pad=150)
    draft.scan(table, 150)
    draft.work(
        "SELECT pg_stat_clear_snapshot()",
        f"SELECT pg_stat_reset_single_table_counters({table.oid})",
    )
    # what the session itself has still to report
    draft.premise("few scans are left", f"{stat(table, 'seq_scan')} <= 150")


@scans.trap("reports over many partitions", "thirty reports read sixty partitions each")
def _(draft: Draft) -> None:
    root = draft.table(key=False, tail="PARTITION BY RANGE ({id})", pad=150)
    leaves = []
    for n in range(60):
        leaf = draft.named(schema=root.schema)
        draft.load(
            f"CREATE TABLE {leaf.sql} PARTITION OF {root.sql}"
            f" FOR VALUES FROM ({n * 200}) TO ({n * 200 + 200})"
        )
        leaves.append(leaf)
    values = ", ".join({"t": "md5(g::text)", "pad": "'x'"}.get(role, "g") for role in root.columns)
    draft.load(f"INSERT INTO {root.sql} SELECT {values} FROM generate_series(0, 11999) g")
    draft.settle(f"VACUUM (ANALYZE) {root.sql}")
    draft.scan(root, 30)
    draft.premise("few reports", f"{stat(leaves[0], 'seq_scan')} BETWEEN 30 AND 35")


@scans.trap("small partitions", "three partitions of one page each")
def _(draft: Draft) -> None:
    root = draft.table(key=False, tail="PARTITION BY LIST ({a})", pad=0)
    for n in range(3):
        leaf = draft.named(schema=root.schema)
        draft.load(f"CREATE TABLE {leaf.sql} PARTITION OF {root.sql} FOR VALUES IN ({n})")
    values = ", ".join({"t": "'x'", "a": "g % 3"}.get(role, "g") for role in root.columns)
    draft.load(f"INSERT INTO {root.sql} SELECT {values} FROM generate_series(1, 45) g")
    draft.scan(root, 8_000)


@scans.trap(
    "small beside its TOAST", "megabytes beside a heap of one page: what is read is the page"
)
def _(draft: Draft) -> None:
    columns = [
        ("doc", "text", "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 8000) i)")
    ]
    table = draft.table(12, columns=columns, pad=0)
    draft.load(f"ALTER TABLE {table.sql} ALTER {table.fill('{doc}')} SET STORAGE EXTERNAL")
    draft.load(f"UPDATE {table.sql} SET {table.fill('{doc}')} = {table.fill('{doc}')} || 'x'")
    draft.settle(f"VACUUM (FULL, ANALYZE) {table.sql}")
    draft.scan(table, 20_000)
    draft.premise("small heap", f"{pages(table)} <= 2")
    draft.premise("large in all", f"pg_total_relation_size({table.oid}) > 2000000")


@scans.trap("inheritance", "each child is read by its own index; the parent holds nothing")
def _(draft: Draft) -> None:
    parent = draft.table(0, key=False, pad=150)
    for n in range(2):
        child = draft.named(schema=parent.schema)
        columns = ", ".join(
            f"({n}0000 + g)" if role not in {"t", "pad"} else "md5(g::text)"
            for role in parent.columns
        )
        draft.load(
            f"CREATE TABLE {child.sql} () INHERITS ({parent.sql})",
            f"INSERT INTO {child.sql} SELECT {columns} FROM generate_series(1, 6000) g",
        )
        table = Table(child.schema, child.name, child.object, parent.columns)
        draft.index(table, "{a}", use=f"{{a}} = {n}0005")
        draft.settle(f"VACUUM (ANALYZE) {child.sql}")
    draft.scan(parent, 9)
