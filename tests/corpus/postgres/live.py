"""What goes on while the analysis runs: sessions, statements, the server's own facts."""

from tests.corpus.postgres.draft import Draft, Table, repeat, stat
from tests.corpus.postgres.registry import Chapter

sessions = Chapter("sessions")
statements = Chapter("statements")
server = Chapter("server")


def shop(draft: Draft, rows: int = 200) -> Table:
    """A small table that sessions quarrel about."""
    draft.part = "sessions"
    return draft.table(rows)


def idle(draft: Draft, *lines: str) -> str:
    """A session that forgot its transaction."""
    session = draft.hold("BEGIN", *lines)
    draft.expect("IdleInTransaction", session)
    draft.allow("LongTransaction", of=session)
    draft.premise(
        "it is idle in a transaction", activity(session, "state LIKE 'idle in transaction%'")
    )
    return session


def blocked(draft: Draft, statement: str, *before: str) -> str:
    """A session that waits for another's lock."""
    session = draft.hold(*before, waits=statement)
    draft.expect("BlockedSession", session)
    draft.allow("LongTransaction", of=session)
    draft.premise("another blocks it", activity(session, "cardinality(pg_blocking_pids(pid)) > 0"))
    return session


def activity(session: str, condition: str) -> str:
    """SQL for a condition on a session; its key stands where its process id will."""
    pid = session.removeprefix("session ")
    return (
        f"(SELECT {condition} AND clock_timestamp() - state_change > interval '2 s'"
        f" FROM pg_stat_activity WHERE pid = {pid})"
    )


@sessions.problem("idle after a read", "it keeps VACUUM from clearing anything younger")
def _(draft: Draft) -> None:
    idle(draft, f"SELECT count(*) FROM {shop(draft).sql}")


@sessions.problem("idle after a write", "its locks wait with it")
def _(draft: Draft) -> None:
    table = shop(draft)
    idle(draft, table.fill(f"UPDATE {table.sql} SET {{a}} = 1 WHERE {{id}} = 1"))


@sessions.problem("idle after an error", "aborted, and still open")
def _(draft: Draft) -> None:
    shop(draft)
    idle(draft, "!SELECT 1 / 0")


@sessions.problem("one long statement", "a transaction that runs and runs")
def _(draft: Draft) -> None:
    session = _running(draft)
    draft.premise("it is busy", activity(session, "state = 'active'"))


@sessions.problem("long statement in a transaction", "the transaction is older than its statement")
def _(draft: Draft) -> None:
    _running(draft, "BEGIN", "SELECT 1")


def _running(draft: Draft, *before: str) -> str:
    table = shop(draft)
    session = draft.hold(*before, waits=f"SELECT pg_sleep(900), count(*) FROM {table.sql}")
    draft.expect("LongTransaction", session)
    return session


@sessions.problem("blocked by a table lock", "a reader waits for a forgotten LOCK TABLE")
def _(draft: Draft) -> None:
    table = shop(draft)
    idle(draft, f"LOCK TABLE {table.sql} IN ACCESS EXCLUSIVE MODE")
    blocked(draft, f"SELECT count(*) FROM {table.sql}")


@sessions.problem("blocked by a row", "two updates of one row")
def _(draft: Draft) -> None:
    table = shop(draft)
    update = table.fill(f"UPDATE {table.sql} SET {{a}} = 2 WHERE {{id}} = 3")
    idle(draft, update)
    blocked(draft, update)


@sessions.problem("blocked by an advisory lock", "the application's own lock")
def _(draft: Draft) -> None:
    shop(draft)
    number = draft.rng.randint(1, 1_000_000_000)
    idle(draft, f"SELECT pg_advisory_xact_lock({number})")
    blocked(draft, f"SELECT pg_advisory_lock({number})")


@sessions.problem("chain", "the last waits for one that waits itself")
def _(draft: Draft) -> None:
    table = shop(draft)
    update = table.fill(f"UPDATE {table.sql} SET {{a}} = 2 WHERE {{id}} = ")
    idle(draft, f"{update} 1")
    blocked(draft, f"{update} 1", "BEGIN", f"{update} 2")
    blocked(draft, f"{update} 2")


@sessions.trap("idle", "connected, its last statement long ago, and in no transaction")
def _(draft: Draft) -> None:
    session = draft.hold(f"SELECT count(*) FROM {shop(draft).sql}")
    draft.premise("it is idle", activity(session, "state = 'idle' AND xact_start IS NULL"))


@sessions.trap("idle after a rollback", "its transaction ended")
def _(draft: Draft) -> None:
    session = draft.hold("BEGIN", f"SELECT count(*) FROM {shop(draft).sql}", "ROLLBACK")
    draft.premise("it is idle", activity(session, "state = 'idle'"))


@sessions.trap("holds an advisory lock", "a leader of the application: nobody waits for it")
def _(draft: Draft) -> None:
    shop(draft)
    number = draft.rng.randint(1_000_000_001, 2_000_000_000)
    session = draft.hold(f"SELECT pg_advisory_lock({number})")
    draft.premise("it is idle", activity(session, "state = 'idle'"))


@sessions.trap("temporary table", "a session's own table, read whole; it goes with the session")
def _(draft: Draft) -> None:
    draft.part = "sessions"
    name = draft.world.name("plain")
    draft.hold(
        f"CREATE TEMP TABLE {name} AS SELECT g AS id, md5(g::text) AS t FROM generate_series(1, 12000) g",
        f"DO $corpus$ BEGIN FOR i IN 1..1500 LOOP PERFORM FROM {name} OFFSET 1000000; END LOOP;"
        " END $corpus$",
        "SELECT pg_stat_force_next_flush()",
    )
    draft.temporary(name)
    draft.premise(
        "it was read whole",
        f"(SELECT seq_scan >= 1500 FROM pg_stat_all_tables WHERE relname = '{name}')",
    )


@sessions.trap(
    "index in the making", "a concurrent build that waits for a writer isn't a failed one"
)
def _(draft: Draft) -> None:
    table = shop(draft, 9_000)
    index = draft.named(schema=table.schema, flavour="plain")
    idle(draft, table.fill(f"INSERT INTO {table.sql} ({{id}}) VALUES (0)"))
    builder = draft.hold(
        waits=table.fill(f"CREATE INDEX CONCURRENTLY {index.name} ON {table.sql} ({{a}})")
    )
    draft.allow("BlockedSession", "LongTransaction", of=builder)  # it waits for the writer
    draft.premise(
        "it is being built",
        f"(SELECT NOT indisvalid FROM pg_index WHERE indexrelid = {index.oid})"
        " AND EXISTS (SELECT FROM pg_stat_progress_create_index)",
    )


@sessions.trap("indexes in the making", "all of a table's are built anew, one after the other")
def _(draft: Draft) -> None:
    table = shop(draft, 9_000)
    for column in ("{a}", "{t}"):
        draft.index(table, column, use=f"{column}::text = 'x'" if column == "{t}" else "{a} = 5")
    idle(draft, table.fill(f"INSERT INTO {table.sql} ({{id}}) VALUES (0)"))
    builder = draft.hold(waits=f"REINDEX TABLE CONCURRENTLY {table.sql}")
    draft.allow("BlockedSession", "LongTransaction", of=builder)  # it waits for the writer
    draft.premise(
        "several are not valid yet",
        f"(SELECT count(*) >= 2 FROM pg_index WHERE NOT indisvalid AND indrelid = {table.oid})",
    )


@statements.problem("slow, behind a comment", "the tool that wrote it has named it in a comment")
def _(draft: Draft) -> None:
    _slow(draft, "b", before="-- name: Sum :one\n")


@statements.problem("slow", "it takes long and runs often")
def _(draft: Draft) -> None:
    _slow(draft, "a")


@statements.problem("slow, odd name", "it takes long and runs often; its table's name is no matter")
def _(draft: Draft) -> None:
    _slow(draft, "b", "dotted")


def _slow(draft: Draft, column: str, flavour: str = "plain", before: str = "") -> None:
    draft.part, draft.requires = "sessions", "pg_stat_statements"
    table = draft.table(200, flavour=flavour)
    statement = draft.ask(
        table.fill(
            f"{before}SELECT pg_sleep(0.15), sum({{{column}}}) FROM {table.sql} WHERE {{c}} > 7"
        ),
        120,
    )
    draft.expect("SlowStatement", statement)
    draft.premise("it is slow", _statement(statement, "calls >= 120 AND mean_exec_time > 140"))


@statements.trap("fast and frequent", "thousands of calls of a fraction of a millisecond")
def _(draft: Draft) -> None:
    draft.part, draft.requires = "sessions", "pg_stat_statements"
    table = draft.table(200)
    statement = draft.ask(table.fill(f"SELECT {{a}} FROM {table.sql} WHERE {{id}} = 5"), 3_000)
    draft.premise("it is fast", _statement(statement, "calls >= 3000 AND mean_exec_time < 5"))


def _statement(statement: str, condition: str) -> str:
    key = statement.removeprefix("statement ")
    return f"(SELECT bool_and({condition}) FROM pg_stat_statements WHERE queryid = {key} AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))"


@server.problem("cache", "nine of ten blocks come from outside the cache")
def _(draft: Draft) -> None:
    draft.part, draft.weight = "cold", 20
    table = draft.named()
    draft.load(
        f"CREATE TABLE {table.sql} AS SELECT g AS id, repeat('x', 900) AS pad"
        " FROM generate_series(1, 52000) g"
    )
    draft.settle(f"VACUUM (ANALYZE) {table.sql}")
    draft.work(
        "SET max_parallel_workers_per_gather = 0", *[f"SELECT count(*) FROM {table.sql}"] * 25
    )
    draft.expect("CacheHitRatio", "database")
    draft.premise("most blocks are read", _ratio("blks_read > 100000 AND blks_hit < blks_read"))
    draft.premise("few scans", f"{stat(table, 'seq_scan')} < 40")


def _ratio(condition: str) -> str:
    return f"(SELECT {condition} FROM pg_stat_database WHERE datname = current_database())"


@server.trap("warm cache", "a few blocks in a thousand are read")
def _(draft: Draft) -> None:
    table = shop(draft)
    draft.load(repeat(table.fill(f"PERFORM 1 FROM {table.sql} WHERE {{id}} = 5"), 300_000))
    draft.plant("database")
    draft.premise("all is cached", _ratio("blks_hit > 500000 AND blks_hit > 400 * blks_read"))


def setting(draft: Draft, name: str, value: str) -> None:
    draft.part = "settings"
    draft.load(f"!!{name} = {value}")
    draft.premise(f"{name} is {value}", f"current_setting('{name}') = {value}")


@server.problem("effective_cache_size", "it is smaller than shared_buffers alone")
def _(draft: Draft) -> None:
    setting(draft, "effective_cache_size", "'1MB'")
    draft.expect("Setting", "effective_cache_size")


@server.problem("maintenance_work_mem", "the least there is: every index build and VACUUM crawls")
def _(draft: Draft) -> None:
    setting(draft, "maintenance_work_mem", "'1MB'")
    draft.expect("Setting", "maintenance_work_mem")


@server.trap("sensible settings", "what tuning guides say")
def _(draft: Draft) -> None:
    setting(draft, "work_mem", "'8MB'")
    setting(draft, "random_page_cost", "'1.1'")
    draft.plant("work_mem", "random_page_cost")


@server.problem("role without privileges", "it sees neither others' sessions nor any value")
def _(draft: Draft) -> None:
    draft.part = "stranger"
    draft.expect("MissingPrivilege", "pg_monitor", "pg_read_all_data")


@server.problem("role for statistics only", "it sees no column statistics and no sequence")
def _(draft: Draft) -> None:
    draft.part = "statistics"
    draft.expect("MissingPrivilege", "pg_read_all_data")
    draft.plant("pg_monitor")


@server.trap("role with both", "nothing is missing")
def _(draft: Draft) -> None:
    draft.plant("pg_monitor", "pg_read_all_data")


@server.problem("crowd", "a handful of connections is left")
def _(draft: Draft) -> None:
    draft.part = "crowd"
    draft.expect("ConnectionsNearLimit", "server")


@server.trap("room", "most connections are free")
def _(draft: Draft) -> None:
    draft.part = "young"
    draft.premise(
        "at most two thirds are in use",
        "(SELECT count(*) * 1.5 < current_setting('max_connections')::int FROM pg_stat_activity"
        " WHERE backend_type = 'client backend')",
    )
    draft.plant("server")
