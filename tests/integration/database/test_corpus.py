"""The analysis finds what was planted and nothing else; the corpus catches rules that are wrong."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from setpoint.database import decide
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import from_secret
from stack.postgres import PostgresServer
from tests.corpus.postgres import Corpus, Score, View, score
from tests.corpus.postgres.mutants import MUTANTS
from tests.integration.database.catalog import ANALYSIS, NETWORK

Change = Callable[[Snapshot], Snapshot]


async def look(server: PostgresServer, view: View) -> Snapshot:
    """The database of a view; its statistics count as long as the view says."""
    data = {
        "uri": server.uri(view.user, view.password, view.database),
        "ca.crt": server.ca_file.read_text() if server.has_tls else "",
    }
    [snapshot], failures = await analyse(from_secret("db", data), [], ANALYSIS, Connector(NETWORK))
    assert failures == []
    since = snapshot.taken_at - view.statistics_age
    return replace(snapshot, stats_since=since, stats_reset=since)


def found(snapshot: Snapshot, view: View) -> list[tuple[str, str]]:
    limits = {"long_transaction", "idle_in_transaction", "blocked_session"}
    shorter = {name: min(view.long_transaction, getattr(ANALYSIS, name)) for name in limits}
    analysis = ANALYSIS.model_copy(update=shorter)
    return [(f.id, f.object) for f in decide.findings([snapshot], analysis, several=False)]


@pytest.fixture(scope="session")
def seen(corpus: Corpus, postgres: PostgresServer) -> Mapping[str, tuple[View, Snapshot]]:
    """Every view of the corpus, by its part."""

    async def all_views() -> dict[str, tuple[View, Snapshot]]:
        made = {view.part: (view, await look(postgres, view)) for view in corpus.views}
        with corpus.crowd() as view:
            made[view.part] = view, await look(postgres, view)
        return made

    return asyncio.run(all_views())


def test_all_that_was_planted_is_found_and_nothing_else(
    corpus: Corpus, seen: Mapping[str, tuple[View, Snapshot]]
) -> None:
    for part, (view, snapshot) in seen.items():
        scored = score(found(snapshot, view), corpus, part)
        wrong = "\n".join(map(str, scored.wrong))
        assert not scored.wrong, f"seed {corpus.seed}, {part}:\n{wrong}"
        assert (scored.precision, scored.recall) == (1.0, 1.0)


# A rule that does not look at something finds the same as a sound rule in a world without it.


def indexes(**values: Any) -> Change:
    return lambda s: replace(s, indexes=[replace(index, **values) for index in s.indexes])


def only_indexes(keep: Callable[[Any], bool]) -> Change:
    return lambda s: replace(s, indexes=[index for index in s.indexes if keep(index)])


def parts(**values: Any) -> Change:
    return lambda s: replace(
        s,
        tables=[
            replace(table, parts=[replace(part, **values) for part in table.parts])
            for table in s.tables
        ],
    )


def columns(**values: Any) -> Change:
    return lambda s: replace(s, columns=[replace(column, **values) for column in s.columns])


def each_index(change: Callable[[Any], Mapping[str, Any]]) -> Change:
    return lambda s: replace(s, indexes=[replace(i, **change(i)) for i in s.indexes])


def each_part(change: Callable[[Any], Mapping[str, Any]]) -> Change:
    return lambda s: replace(
        s,
        tables=[replace(t, parts=[replace(p, **change(p)) for p in t.parts]) for t in s.tables],
    )


def sequences(**values: Any) -> Change:
    return lambda s: replace(s, sequences=[replace(one, **values) for one in s.sequences])


WRONG: dict[tuple[str, str], Change] = {
    ("SequentialScans", "a NULL idx_scan is passed over"): lambda s: replace(
        s, tables=[t for t in s.tables if s.indexes_of.get(t.oid)]
    ),
    ("SequentialScans", "size is not looked at"): each_part(
        lambda p: {"counted_pages": p.counted_pages + 5000}
    ),
    ("SequentialScans", "the number of scans is not looked at"): each_part(
        lambda p: {"seq_scan": p.seq_scan * 1000}
    ),
    ("SequentialScans", "use of indexes is not looked at"): lambda s: replace(
        s,
        tables=[
            replace(t, idx_scan=0, parts=[replace(p, seq_scan=p.seq_scan * 20) for p in t.parts])
            for t in s.tables
        ],
    ),
    ("SequentialScans", "any use of an index excuses"): lambda s: replace(
        s, tables=[replace(t, idx_scan=t.idx_scan * 10_000) for t in s.tables]
    ),
    ("SequentialScans", "partitions are left out"): lambda s: replace(
        s, tables=[t for t in s.tables if not t.is_partitioned]
    ),
    ("UnusedIndex", "unique indexes count"): indexes(is_unique=False),
    ("UnusedIndex", "constraints that are not unique count"): indexes(
        constraint=None, is_exclusion=False
    ),
    ("UnusedIndex", "foreign keys are not looked at"): lambda s: replace(s, foreign_keys=[]),
    ("UnusedIndex", "the age of the statistics is not looked at"): lambda s: replace(
        s, stats_reset=None
    ),
    ("UnusedIndex", "partitioned indexes are left out"): only_indexes(
        lambda i: not i.is_partitioned
    ),
    ("UnusedIndex", "partial or expression indexes are left out"): only_indexes(
        lambda i: not (i.predicate or i.expressions)
    ),
    ("UnusedIndex", "only btree is looked at"): only_indexes(lambda i: i.method == "btree"),
    ("UnusedIndex", "use is not looked at"): indexes(scans=0, tuples_read=0),
    ("UnusedIndex", "CLUSTER is not looked at"): indexes(is_clustered=False),
    ("UnusedIndex", "invalid indexes count"): indexes(is_valid=True, is_unique=False),
    ("DuplicateIndex", "predicates are not compared"): indexes(predicate=""),
    ("DuplicateIndex", "expressions are not compared"): indexes(expressions=()),
    ("DuplicateIndex", "collations are not compared"): indexes(collations=()),
    ("DuplicateIndex", "operator classes are not compared"): indexes(classes=()),
    ("DuplicateIndex", "directions are not compared"): indexes(orders=()),
    ("DuplicateIndex", "places of NULLs are not compared"): indexes(orders=()),
    ("DuplicateIndex", "methods are not compared"): indexes(method="btree", classes=()),
    ("DuplicateIndex", "included columns are not compared"): indexes(included=()),
    ("DuplicateIndex", "columns are a set"): each_index(lambda i: {"key": tuple(sorted(i.key))}),
    ("DuplicateIndex", "the unique one is reported"): each_index(
        lambda i: {"is_unique": False, "oid": -i.oid}
    ),
    ("DuplicateIndex", "invalid indexes are compared"): indexes(is_valid=True, is_unique=False),
    ("RedundantIndex", "unique prefixes are reported"): indexes(is_unique=False),
    ("RedundantIndex", "predicates are not compared"): indexes(predicate=""),
    ("RedundantIndex", "methods are not compared"): indexes(
        method="btree", classes=(), collations=()
    ),
    ("RedundantIndex", "operator classes are not compared"): indexes(classes=()),
    ("RedundantIndex", "collations are not compared"): indexes(collations=()),
    ("RedundantIndex", "included columns count as keys"): indexes(
        included=(), classes=(), collations=(), orders=()
    ),
    ("RedundantIndex", "unique covers are left out"): only_indexes(lambda i: not i.is_unique),
    ("RedundantIndex", "partial indexes are left out"): only_indexes(lambda i: not i.predicate),
    ("RedundantIndex", "only all expressions together are compared"): each_index(
        lambda i: {"expressions": ("".join(i.expressions),) if i.expressions else ()}
    ),
    ("RedundantIndex", "expressions are left out"): only_indexes(lambda i: not i.expressions),
    ("InvalidIndex", "builds under way are reported"): indexes(is_building=False),
    ("InvalidIndex", "only unique indexes are looked at"): only_indexes(
        lambda i: i.is_unique or i.is_valid
    ),
    ("ForeignKeyWithoutIndex", "partial indexes serve"): indexes(predicate=""),
    ("ForeignKeyWithoutIndex", "IS NOT NULL indexes don't serve"): indexes(not_null=None),
    ("ForeignKeyWithoutIndex", "keys of several columns are left out"): lambda s: replace(
        s, foreign_keys=[key for key in s.foreign_keys if len(key.columns) == 1]
    ),
    ("ForeignKeyWithoutIndex", "size is not looked at"): each_part(
        lambda p: {"counted_pages": p.counted_pages + 10}
    ),
    ("ForeignKeyWithoutIndex", "hash indexes don't serve"): only_indexes(
        lambda i: i.method != "hash"
    ),
    ("ForeignKeyWithoutIndex", "GiST indexes don't serve"): only_indexes(
        lambda i: i.method != "gist"
    ),
    ("ForeignKeyWithoutIndex", "collations are not looked at"): lambda s: replace(
        s, foreign_keys=[replace(key, collations=()) for key in s.foreign_keys]
    ),
    ("ForeignKeyWithoutIndex", "the parent is reported"): lambda s: replace(
        s, foreign_keys=[replace(k, table=k.referenced) for k in s.foreign_keys]
    ),
    ("NeverAnalyzed", "last_analyze alone is looked at"): columns(width=None),
    ("NeverAnalyzed", "size is not looked at"): each_part(lambda p: {"live": p.live + 5000}),
    ("NeverAnalyzed", "VACUUM counts as ANALYZE"): each_part(
        lambda p: {"analyzed_at": p.analyzed_at or p.vacuumed_at}
    ),
    ("StaleStatistics", "any change counts"): each_part(lambda p: {"modified": p.modified * 100}),
    ("StaleStatistics", "size is not looked at"): each_part(
        lambda p: {"live": p.live * 100, "modified": p.modified * 100}
    ),
    ("StaleStatistics", "only inserts count"): each_part(
        lambda p: {"modified": min(p.modified, p.inserted)}
    ),
    ("DeadTuples", "only the share counts"): each_part(
        lambda p: {"live": p.live * 1000, "dead": p.dead * 1000}
    ),
    ("DeadTuples", "only the number counts"): each_part(
        lambda p: {"live": 0, "dead": p.dead * 10}
    ),
    ("AutovacuumBehind", "tables with settings of their own are left out"): lambda s: replace(
        s,
        tables=[
            t for t in s.tables
            if not any("autovacuum_vacuum_threshold" in p.options for p in t.parts)
        ],
    ),
    ("SequenceNearEnd", "the start of the range is not looked at"): sequences(begin=0),
    ("SequenceNearEnd", "a range's start is the type's"): lambda s: replace(
        s, sequences=[replace(o, begin=min(o.begin, 1)) for o in s.sequences]
    ),
    ("SequenceNearEnd", "all end where int does"): sequences(begin=1, limit=2**31 - 1),
    ("TableBloat", "fillfactor is not looked at"): parts(options={}),
    ("IndexBloat", "fillfactor is not looked at"): indexes(fillfactor=90),
    ("IndexBloat", "dead rows have no entries"): parts(dead=0),
    ("IndexBloat", "predicates are not looked at"): indexes(predicate=""),
    ("LongTransaction", "only idle ones are looked at"): lambda s: replace(
        s, sessions=[one for one in s.sessions if one.is_idle]
    ),
    ("IdleInTransaction", "aborted ones are left out"): lambda s: replace(
        s, sessions=[one for one in s.sessions if abs(one.in_transaction - one.in_state) > 0.001]
    ),
    ("BlockedSession", "the last of a chain is left out"): lambda s: replace(
        s,
        sessions=[
            one for one in s.sessions
            if not {o.pid for o in s.sessions if o.waits_for_lock is not None} & {*one.blockers}
        ],
    ),
    ("CacheHitRatio", "any read counts"): lambda s: replace(
        s, databases=[replace(d, blocks_read=d.blocks_read * 1000) for d in s.databases]
    ),
    ("ConnectionsNearLimit", "any number counts"): lambda s: replace(
        s, server=replace(s.server, connections=10_000)
    ),
    ("MissingPrivilege", "only one of the roles is looked at"): lambda s: replace(
        s, server=replace(s.server, unread_schemas=[])
    ),
    ("MissingPrivilege", "both are always said"): lambda s: replace(
        s, server=replace(s.server, sees_activity=False, unread_schemas=["public"])
    ),
}  # fmt: skip


def caught(
    corpus: Corpus,
    seen: Mapping[str, tuple[View, Snapshot]],
    rule: str,
    answer: Callable[[Snapshot, View], list[tuple[str, str]]],
) -> set[str]:
    """Cases that an analysis gets wrong about `rule`."""
    cases: set[str] = set()
    for part, (view, snapshot) in seen.items():
        scored: Score = score(answer(snapshot, view), corpus, part)
        cases |= {wrong.case for wrong in scored.wrong if wrong.finding.id == rule}
    return cases


def test_every_rule_that_is_wrong_on_purpose_is_caught(
    corpus: Corpus, seen: Mapping[str, tuple[View, Snapshot]]
) -> None:
    known = {(mutant.id, mutant.wrong): set(mutant.cases) for mutant in MUTANTS}
    survivors = []
    for (rule, wrong), change in WRONG.items():

        def answer(s: Snapshot, view: View, change: Change = change) -> list[tuple[str, str]]:
            return found(change(s), view)

        cases = caught(corpus, seen, rule, answer)
        if not cases & known[rule, wrong]:
            survivors.append((rule, wrong, sorted(cases)))
    assert not survivors, f"seed {corpus.seed}: {survivors}"


def test_every_rule_that_is_silent_is_caught(
    corpus: Corpus, seen: Mapping[str, tuple[View, Snapshot]]
) -> None:
    for rule in sorted({mutant.id for mutant in MUTANTS}):

        def silent(s: Snapshot, view: View, rule: str = rule) -> list[tuple[str, str]]:
            return [one for one in found(s, view) if one[0] != rule]

        assert caught(corpus, seen, rule, silent), rule
