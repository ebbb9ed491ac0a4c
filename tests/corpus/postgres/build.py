"""Plants the corpus in a database, and what needs one of its own in others beside it."""

import itertools
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.corpus.postgres.draft import Draft, World
from tests.corpus.postgres.indexes import invalid, pairs, unused
from tests.corpus.postgres.keys import keys
from tests.corpus.postgres.live import server, sessions, statements
from tests.corpus.postgres.model import (
    Asked,
    Case,
    Expected,
    Held,
    Pick,
    Premise,
    Score,
    Stage,
    View,
    score_cases,
)
from tests.corpus.postgres.names import Namer, Quoter, ident
from tests.corpus.postgres.oddities import oddities
from tests.corpus.postgres.scans import scans
from tests.corpus.postgres.sequences import sequences
from tests.corpus.postgres.upkeep import bloat, dead, statistics, wraparound

CHAPTERS = (
    scans, unused, pairs, invalid, keys, statistics, dead, wraparound, sequences, bloat, oddities,
    sessions, statements, server,
)  # fmt: skip
_WORKERS = 3
_SLOW_SESSIONS = 10
_SETTLED = timedelta(days=90)
_YOUNG = timedelta(minutes=1)
_LONG = timedelta(seconds=2)
_FRUGAL = (
    "-c jit=off -c max_parallel_workers_per_gather=0 -c max_parallel_maintenance_workers=0"
    # thousands of statements of ours would push the application's out
    " -c pg_stat_statements.track=none"
)
_LEFT = 4
"""Connections that a crowd leaves free."""
_PLACES = {"stranger": "young", "statistics": "young", "crowd": "young"}
"""Parts that look at another part's database."""
_SESSION_IDS = frozenset({"LongTransaction", "IdleInTransaction", "BlockedSession"})
_SERVER_IDS = {"CacheHitRatio": "database", "ConnectionsNearLimit": "server"}
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Written:
    """All cases of a seed, before anything is planted."""

    seed: int
    schemas: Sequence[str]
    cases: tuple[Case, ...]


def write(seed: int, keywords: Iterable[str]) -> Written:
    """The cases of a seed, without a database."""
    rng = random.Random(seed)
    name = Namer(rng)
    flavours = ["plain", "plain", "upper", "dotted", "unicode", "sql", "space"]
    schemas = ["public", *(name(flavour) for flavour in flavours[: rng.randint(4, 7)])]
    world = World(rng, name, Quoter(frozenset(keywords)), schemas)
    entries = [entry for chapter in CHAPTERS for entry in chapter.entries]
    rng.shuffle(entries)
    cases = []
    for entry in entries:
        draft = Draft(world, entry.name, entry.kind, entry.why)
        entry.write(draft)
        cases.append(draft.case())
    return Written(seed, schemas, tuple(cases))


class Corpus:
    """What is planted: its cases, how to look at it, and what keeps it alive."""

    def __init__(self, written: Written, url: str) -> None:
        self.seed, self.schemas = written.seed, written.schemas
        self.cases = written.cases
        self._url = url
        self._held: list[Connection] = []
        self._pids: list[int] = []
        self._owners: dict[str, dict[str, Case]] = {}
        self._quoted_schemas: tuple[str, ...] = ()
        self.databases = self._database_names()
        tag = f"{self.databases['main'][:30]}_{seed_tag(written.seed)}"
        self._roles = {
            role: (f"{role}_{tag}", f"secret_{seed_tag(written.seed)}")
            for role in ("reader", "statistics", "stranger")
        }

    def _database_names(self) -> dict[str, str]:
        main = str(conninfo_to_dict(self._url)["dbname"])
        parts = {_PLACES.get(case.part, case.part) for case in self.cases} - {"main"}
        return {"main": main} | {part: f"{main[:50]}_{part}" for part in sorted(parts)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def views(self) -> tuple[View, ...]:
        """The analyses to run, but for that of a crowd, see `crowd`."""
        return tuple(
            self._view(part) for part in sorted({case.part for case in self.cases} - {"crowd"})
        )

    def _view(self, part: str) -> View:
        place = _PLACES.get(part, part)
        user, password = self._roles[part if part in self._roles else "reader"]
        return View(
            part,
            self.databases[place],
            user,
            password,
            _YOUNG if place == "young" else _SETTLED,
            _LONG if place == "sessions" else View.long_transaction,
        )

    def objects(self) -> Mapping[str, Case]:
        """Every planted object of the main database, and the case it belongs to."""
        return dict(self._owners["main"])

    def url(self, part: str = "main") -> str:
        """The superuser's connection to the database of a part."""
        return make_conninfo(self._url, dbname=self.databases[_PLACES.get(part, part)])

    def score(self, found: Iterable[tuple[str, str]], part: str = "main") -> Score:
        """Compare what was found in one view with the cases of its part."""
        planted = {known for one in found if (known := self._known(part, *one))}
        cases = [case for case in self.cases if case.part == part]
        return score_cases(planted, cases, self._owners[part])

    def _known(self, part: str, finding: str, written: str) -> Expected | None:
        """The finding in the corpus' own words; None if it is about nothing planted."""
        owners = self._owners[part]
        if finding in _SERVER_IDS:
            named = _SERVER_IDS[finding]
            return Expected(finding, named) if named in owners else None
        if finding in _SESSION_IDS:
            pids = (f"session {number}" for number in re.findall(r"\d+", written))
            return next((Expected(finding, pid) for pid in pids if pid in owners), None)
        if finding == "SlowStatement":
            numbers = (f"statement {number}" for number in re.findall(r"-?\d+", written))
            return next((Expected(finding, one) for one in numbers if one in owners), None)
        for case in self.cases:
            if case.part == part and written in case.aliases:
                return Expected(finding, case.aliases[written])
        has_objects = part not in _PLACES
        if written in owners or (has_objects and written.startswith(self._quoted_schemas)):
            return Expected(finding, written)
        return None

    @contextmanager
    def crowd(self) -> Iterator[View]:
        """Take all but a few of the server's connections; the analysis to run meanwhile."""
        view = self._view("crowd")
        taken: list[Connection] = []
        with _connect(self.url()) as admin:
            try:
                while _free(admin) > _LEFT:
                    taken.append(
                        psycopg.connect(self.url("crowd"), user=view.user, password=view.password)
                    )
                yield view
            finally:
                for connection in taken:
                    connection.close()

    def close(self) -> None:
        """End the held sessions; drop the databases beside the main one, and the roles."""
        with _connect(make_conninfo(self._url, dbname="postgres")) as admin:
            for pid in self._pids:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            for connection in self._held:
                connection.close()
            for part, database in self.databases.items():
                if part != "main":
                    admin.execute(f"DROP DATABASE IF EXISTS {ident(database)} WITH (FORCE)")
            for user, _ in self._roles.values():
                admin.execute(f"DROP ROLE IF EXISTS {ident(user)}")
        self._held, self._pids = [], []

    # planting

    def plant(self) -> None:
        """Create everything. Raises psycopg.Error, RuntimeError if a statement should have failed."""
        self._create_places()
        slow = self._ask_slowly()
        for stage in ("load", "settle"):
            self._run_stage(stage)
        self._hold_all()  # after every VACUUM: old transactions would keep rows from it
        self._run_stage("work")
        for done in slow:
            done.result()
        self._resolve_statements()
        self._own()
        self._await_age()

    def _create_places(self) -> None:
        grants = {"reader": "pg_monitor, pg_read_all_data", "statistics": "pg_monitor"}
        with _connect(self._url) as admin:
            for part, database in self.databases.items():
                if part != "main":
                    admin.execute(f"CREATE DATABASE {ident(database)}")
            for role, (user, password) in self._roles.items():
                admin.execute(f"CREATE ROLE {ident(user)} LOGIN PASSWORD '{password}'")
                if role in grants:
                    admin.execute(f"GRANT {grants[role]} TO {ident(user)}")
            quoted = admin.execute(
                "SELECT quote_ident(s) || '.' FROM unnest(%s::text[]) s", (list(self.schemas),)
            ).fetchall()
        self._quoted_schemas = tuple(row[0] for row in quoted)
        for part in self.databases:
            with _connect(self.url(part)) as connection:
                for schema in self.schemas:
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}")

    def _sessions(self) -> list[Case]:
        return [case for case in self.cases if case.part == "sessions"]

    def _ask_slowly(self) -> list[Future[None]]:
        """Prepare the sessions' database, and begin its application's slow statements."""
        cases = self._sessions()
        with _connect(self.url("sessions"), options=_FRUGAL) as connection:
            if any(case.requires == "pg_stat_statements" for case in cases):
                connection.execute("CREATE EXTENSION pg_stat_statements")
            for case in cases:
                for statement in (*case.statements["load"], *case.statements["settle"]):
                    _execute(connection, statement)
        asked = [one for case in cases for one in case.asked]
        pool = ThreadPoolExecutor(_SLOW_SESSIONS)
        shares = [pool.submit(self._ask, asked) for _ in range(_SLOW_SESSIONS)]
        pool.shutdown(wait=False)
        return shares

    def _hold_all(self) -> None:
        """Open the sessions that stay."""
        pids = {}
        for case in self._sessions():
            for held in case.held:
                connection = self._hold(held)
                pids[held.key] = str(connection.info.backend_pid)
                if not held.waits and (schema := _temporary_schema(connection)):
                    pids["pg_temp"] = schema
        self._rename(pids)

    def _hold(self, held: Held) -> Connection:
        connection = _connect(self.url("sessions"), application_name=held.key)
        self._held.append(connection)
        self._pids.append(connection.info.backend_pid)
        for statement in held.statements:
            _execute(connection, statement)
        if held.waits:
            connection.pgconn.send_query(held.waits.encode())
            connection.pgconn.flush()
            self._await_lock(connection, held.waits)
        return connection

    def _await_lock(self, connection: Connection, statement: str) -> None:
        """Until it waits or runs: the order of a queue of locks is part of a case."""
        with _connect(self.url("sessions")) as admin:
            _until(
                admin,
                "SELECT state = 'active' AND wait_event IS NOT NULL FROM pg_stat_activity"
                f" WHERE pid = {connection.info.backend_pid}",
                statement,
            )

    def _ask(self, asked: Sequence[Asked]) -> None:
        with _connect(self.url("sessions")) as connection:
            for one in asked:
                for _ in range(-(-one.calls // _SLOW_SESSIONS)):
                    connection.execute(one.statement)

    def _rename(self, names: Mapping[str, str]) -> None:
        """Put process and query ids where the cases have keys."""
        if names:
            self.cases = tuple(_renamed(case, names) for case in self.cases)

    def _run_stage(self, stage: Stage) -> None:
        """Every case's statements in their order, cases side by side; sessions have theirs."""
        cases = [case for case in self.cases if case.part != "sessions"]
        cases.sort(key=lambda case: -case.weight)
        waiting = iter(cases)
        lock = threading.Lock()

        used: list[int] = []

        def work() -> None:
            connections: dict[str, Connection] = {}
            try:
                while True:
                    with lock:
                        case = next(waiting, None)
                    if case is None:
                        return
                    place = _PLACES.get(case.part, case.part)
                    if place not in connections:
                        connections[place] = _connect(self.url(place), options=_FRUGAL)
                        used.append(connections[place].info.backend_pid)
                    self._run(connections[place], case, stage)
            finally:  # ending a session hands its counters over
                for connection in connections.values():
                    connection.close()

        with ThreadPoolExecutor(_WORKERS) as pool:
            for done in [pool.submit(work) for _ in range(_WORKERS)]:
                done.result()
        with _connect(self._url) as admin:
            _until(
                admin,
                f"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ANY(ARRAY{used}::int[])",
                "sessions to end",
            )

    def _run(self, connection: Connection, case: Case, stage: Stage) -> None:
        for statement in case.statements[stage]:
            line = statement
            if line.startswith("!!"):  # a setting of the whole database
                line = f"ALTER DATABASE {ident(self.databases[case.part])} SET {line[2:]}"
            try:
                if line.startswith(("VACUUM", "ANALYZE")):
                    # Else the changes before it are counted up to a second later: as new ones.
                    connection.execute("SELECT pg_stat_force_next_flush()")
                _execute(connection, line)
            except psycopg.Error as error:
                raise RuntimeError(f"{case.name}: {line}: {error}") from error

    def _resolve_statements(self) -> None:
        names = {}
        with _connect(self.url("sessions")) as connection:
            for case in self.cases:
                for asked in case.asked:
                    # A name may hold what looks like a parameter, such as "readings$38".
                    text = re.sub(r"(?<![\w.\"])\d+(\.\d+)?(?![\w.\"])", "?", asked.statement)
                    row = connection.execute(
                        "SELECT queryid FROM pg_stat_statements s JOIN pg_database d"
                        " ON d.oid = s.dbid WHERE d.datname = current_database()"
                        " AND regexp_replace(query, '\\$\\d+', '?', 'g') = %s",
                        (re.sub(r"\$\d+", "?", text),),
                    ).fetchone()
                    if row is None:
                        raise RuntimeError(f"pg_stat_statements lacks {asked.statement}")
                    names[asked.key] = str(row[0])
        self._rename(names)

    def _own(self) -> None:
        """Give every relation to the case of its table."""
        for part in {case.part for case in self.cases}:
            owners = {one: case for case in self.cases if case.part == part for one in case.objects}
            if part not in _PLACES:
                with _connect(self.url(part)) as connection:
                    for relation, table in connection.execute(_BELONGS).fetchall():
                        if table in owners:
                            owners.setdefault(relation, owners[table])
            self._owners[part] = owners

    def _await_age(self) -> None:
        with _connect(self.url("sessions")) as admin:
            _until(
                admin,
                f"SELECT min(clock_timestamp() - state_change) > interval '{_LONG.seconds + 1} s'"
                f" FROM pg_stat_activity WHERE pid = ANY(ARRAY{self._pids}::int[])",
                "the sessions to grow old",
            )


_BELONGS = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
           quote_ident(tn.nspname) || '.' || quote_ident(t.relname)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN (
        SELECT indexrelid AS oid, indrelid AS owner FROM pg_index
        UNION ALL
        SELECT objid, refobjid FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    ) AS b ON b.oid = c.oid
    JOIN pg_class t ON t.oid = b.owner
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


def build(seed: int, connection_url: str) -> Corpus:
    """Plant the corpus of `seed` in an empty database as superuser.

    Databases beside it are named after it. Roles are made. The caller closes the corpus.
    Raises psycopg.Error, RuntimeError.
    """
    with _connect(connection_url) as admin:
        keywords = admin.execute(
            "SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'"
        ).fetchall()
        missing = _missing_extensions(admin)
    written = write(seed, [row[0] for row in keywords])
    cases = tuple(case for case in written.cases if case.requires not in missing)
    corpus = Corpus(replace(written, cases=cases), connection_url)
    try:
        corpus.plant()
    except BaseException:
        with suppress(psycopg.Error):
            corpus.close()
        raise
    return corpus


def score(found: Iterable[tuple[str, str]], corpus: Corpus, part: str = "main") -> Score:
    """Compare (id, object) pairs that one view's analysis gave with the labels."""
    return corpus.score(found, part)


def _missing_extensions(admin: Connection) -> frozenset[str]:
    row = admin.execute(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')"
        " AND current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%'"
    ).fetchone()
    return frozenset() if row and row[0] else frozenset({"pg_stat_statements"})


def seed_tag(seed: int) -> str:
    """A seed as part of a name."""
    return f"{seed & 0xFFFFFFFF:x}"


def _connect(url: str, **options: str) -> Connection:
    return psycopg.connect(url, autocommit=True, **options)  # type: ignore[arg-type]


def _execute(connection: Connection, statement: str) -> None:
    """One statement; after `!` one that has to fail."""
    if not statement.startswith("!"):
        connection.execute(statement.encode())
        return
    try:
        connection.execute(statement[1:].encode())
    except psycopg.Error:
        return
    raise RuntimeError(f"it should have failed: {statement[1:]}")


def _temporary_schema(connection: Connection) -> str | None:
    """The session's schema of temporary tables, if it has any."""
    if connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
        return None
    row = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"
    ).fetchone()
    return str(row[0]) if row else None


def _until(admin: Connection, condition: str, what: str, limit: float = 30) -> None:
    deadline = time.monotonic() + limit
    for _ in itertools.count():
        row = admin.execute(condition.encode()).fetchone()
        if row and row[0]:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {limit} s for {what}")
        time.sleep(0.02)


def _free(admin: Connection) -> int:
    row = admin.execute(
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int - count(*)"
        " FROM pg_stat_activity WHERE backend_type = 'client backend'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _renamed(case: Case, names: Mapping[str, str]) -> Case:
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")

    def text(value: str) -> str:
        return pattern.sub(lambda match: names[match[1]], value)

    def findings(all_: frozenset[Expected]) -> frozenset[Expected]:
        return frozenset(Expected(one.id, text(one.object)) for one in all_)

    picks = tuple(Pick(findings(pick.of), pick.least, pick.most) for pick in case.picks)
    return replace(
        case,
        expected=findings(case.expected),
        picks=picks,
        premises=tuple(Premise(one.says, text(one.sql)) for one in case.premises),
        objects=frozenset(map(text, case.objects)),
    )
