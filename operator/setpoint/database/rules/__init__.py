"""The rules: pure functions from a snapshot to findings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Snapshot
from setpoint.database.rules import (
    access,
    advice,
    bloat,
    cache,
    foreign,
    indexes,
    scans,
    sequences,
    sessions,
    settings,
    statements,
    vacuum,
    wraparound,
)
from setpoint.engine.model import Finding

Check = Callable[[Snapshot, Analysis], Iterable[Finding]]


class About(Enum):
    """What the object of a rule's findings is."""

    SERVER = "server"
    """The server, a role, a setting or a database: names its database itself, where it has one."""

    RELATION = "relation"
    """A relation, a session or a statement of the snapshot's database."""


@dataclass(frozen=True)
class Rule:
    """One rule. `when` and `needs` are for the documentation: when it speaks, and the role that the
    operator's must be a member of, empty where every role sees enough."""

    id: str
    check: Check
    about: About
    when: str
    needs: str = ""


_STATISTICS = "pg_monitor"
_DATA = "pg_read_all_data"

RULES: tuple[Rule, ...] = (
    Rule(
        "TLSNotVerified", access.tls_not_verified, About.SERVER,
        "`sslmode` of the Secret is not `verify-full`",
    ),
    Rule(
        "MissingPrivilege", access.missing_privilege, About.SERVER,
        "the role does not see all that the rules look at; the object is the role it should have",
    ),
    Rule(
        "AnalysisIncomplete", access.analysis_cut, About.SERVER,
        "the database has more than 100,000 tables or 300,000 indexes",
    ),
    Rule(
        "SequentialScans", scans.sequential_scans, About.RELATION,
        "a table of 1 MiB or more had more than `sequentialScans.minScans` sequential scans, and "
        "more of them than index scans; Warning and index suggestions above "
        "`sequentialScans.ratio` times as many",
    ),
    Rule(
        "UnusedIndex", indexes.unused_indexes, About.RELATION,
        "no scan since the statistics count, and no constraint, foreign key, replica identity or "
        "clustering rests on it; Warning from 1 MiB and `unusedIndexAge` on",
    ),
    Rule(
        "DuplicateIndex", indexes.duplicate_indexes, About.RELATION,
        "another index of the table has the same keys, operator classes, collations, order, "
        "expressions and predicate, and enforces as much",
    ),
    Rule(
        "RedundantIndex", indexes.redundant_indexes, About.RELATION,
        "a btree's whole key is the beginning of another valid one's, with the same predicate",
    ),
    Rule(
        "InvalidIndex", indexes.invalid_indexes, About.RELATION,
        "it is not valid and not being built", _STATISTICS,
    ),
    Rule(
        "ForeignKeyWithoutIndex", foreign.foreign_keys_without_index, About.RELATION,
        "no valid index begins with its columns, in any order; tables of one page are left out",
    ),
    Rule(
        "MissingIndex", advice.missing_indexes, About.RELATION,
        "with `spec.indexes`: the planner would use it for what the database runs; Warning from "
        "10 % of the time on ([indexes](indexes.md))", _DATA,
    ),
    Rule(
        "IndexAdviceUnavailable", advice.advice_unavailable, About.SERVER,
        "with `spec.indexes`: there is no HypoPG or no pg_stat_statements to ask",
    ),
    Rule(
        "NeverAnalyzed", vacuum.never_analyzed, About.RELATION,
        "1,000 rows or more and no statistics",
    ),
    Rule(
        "StaleStatistics", vacuum.stale_statistics, About.RELATION,
        "1,000 changes or more since the last ANALYZE, and twice as many as call autovacuum",
    ),
    Rule(
        "DeadTuples", vacuum.dead_tuples, About.RELATION,
        "1,000 dead rows or more, and `deadTuples` of all",
    ),
    Rule(
        "AutovacuumBehind", vacuum.autovacuum_behind, About.RELATION,
        "twice as many dead or new rows as call autovacuum, or as many while it is off",
    ),
    Rule(
        "TransactionIdWraparound", wraparound.transaction_ids, About.RELATION,
        "a table is older than 1.5 times `autovacuum_freeze_max_age`, or than "
        "1.2 billion; Critical from 1.6 billion on",
    ),
    Rule(
        "MultixactWraparound", wraparound.multixacts, About.RELATION,
        "the same for multixacts and `autovacuum_multixact_freeze_max_age`",
    ),
    Rule(
        "TransactionIdWraparound", wraparound.transaction_ids_elsewhere, About.SERVER,
        "the same of a database that is not analysed",
    ),
    Rule(
        "MultixactWraparound", wraparound.multixacts_elsewhere, About.SERVER,
        "the same of a database that is not analysed",
    ),
    Rule(
        "SequenceNearEnd", sequences.sequences_near_end, About.RELATION,
        "`sequenceUsed` of its values, or of its column's type's, are gone; Critical from 90 % on",
        _DATA,
    ),
    Rule(
        "CacheHitRatio", cache.cache_hit_ratio, About.SERVER,
        "fewer than `cacheHitRatio` of 50,000 block reads or more were hits",
    ),
    Rule(
        "LongTransaction", sessions.long_transactions, About.RELATION,
        "a transaction, or a prepared one, is older than `longTransaction`", _STATISTICS,
    ),
    Rule(
        "IdleInTransaction", sessions.idle_in_transaction, About.RELATION,
        "a session is idle in a transaction for `idleInTransaction`", _STATISTICS,
    ),
    Rule(
        "BlockedSession", sessions.blocked_sessions, About.RELATION,
        "a session waits for a lock for `blockedSession`", _STATISTICS,
    ),
    Rule(
        "ConnectionsNearLimit", sessions.connections_near_limit, About.SERVER,
        "`connections` of the server's, or of a database's own limit, are in use; Critical from "
        "95 % on",
    ),
    Rule(
        "SlowStatement", statements.slow_statements, About.RELATION,
        "`slowStatements.minCalls` calls or more of `slowStatements.meanTime` on average; Warning "
        "where it takes 10 % of the database's time; the extension pg_stat_statements must be "
        "there", _STATISTICS,
    ),
    Rule(
        "TableBloat", bloat.table_bloat, About.RELATION,
        "`bloat` of the file, and 1 MiB, is empty by estimate; Warning from 100 MiB on", _DATA,
    ),
    Rule(
        "IndexBloat", bloat.index_bloat, About.RELATION,
        "the same for a btree index without expressions; of a partial one, without texts",
        _DATA,
    ),
    Rule(
        "Setting", settings.settings, About.SERVER,
        "shared_buffers, effective_cache_size, work_mem or maintenance_work_mem are far from what "
        "`postgres.memory` suggests, or contradict one another; the object is the setting",
    ),
)  # fmt: skip


def findings(
    snapshot: Snapshot, analysis: Analysis, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """What the rules find, in their order."""
    return [finding for rule in rules for finding in rule.check(snapshot, analysis)]
