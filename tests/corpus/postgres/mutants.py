"""How a rule could be wrong, and the cases that say so.

Each entry is a change to make to a rule on purpose; an analysis with it must get at least one of
the named cases wrong.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A wrong rule: the finding it gives or withholds, and cases that it gets wrong."""

    id: str
    wrong: str
    cases: tuple[str, ...]


def _of(finding: str, *mutants: tuple[str, tuple[str, ...]]) -> tuple[Mutant, ...]:
    return tuple(Mutant(finding, wrong, cases) for wrong, cases in mutants)


MUTANTS: tuple[Mutant, ...] = (
    *_of(
        "SequentialScans",
        ("a NULL idx_scan is passed over", ("scans/no index at all",)),
        ("size is not looked at", ("scans/one page", "scans/lookup table", "scans/empty")),
        ("size includes TOAST", ("scans/small beside its TOAST",)),
        ("the number of scans is not looked at", ("scans/nightly report", "scans/archive")),
        ("use of indexes is not looked at", ("scans/served by indexes",)),
        ("any use of an index excuses", ("scans/index hardly used",)),
        ("partitions are reported one by one", ("scans/partitions",)),
        ("partitions are left out", ("scans/partitions",)),
        ("tables are told apart by name alone", ("scans/one of two twins",)),
        ("names are folded to lower case", ("scans/upper-case name", "scans/dotted name")),
        ("materialized views are left out", ("scans/materialized view",)),
        ("names are not quoted", ("scans/name that is SQL", "scans/unicode name")),
        ("temporary tables count", ("sessions/temporary table",)),
    ),
    *_of(
        "UnusedIndex",
        ("unique indexes count", ("unused/unique", "unused/unique expression")),
        ("only the name tells a primary key", ("unused/unique constraint",)),
        ("constraints that are not unique count", ("unused/exclusion constraint",)),
        ("foreign keys are not looked at", ("unused/foreign key",)),
        ("foreign keys need exactly their columns", ("unused/foreign key, longer index",)),
        ("the age of the statistics is not looked at", ("unused/statistics reset",)),
        ("partitions are judged one by one", ("unused/one partition uses it",)),
        ("partitioned indexes are left out", ("unused/of a partitioned table",)),
        ("partial or expression indexes are left out", ("unused/partial", "unused/expression")),
        ("only btree is looked at", ("unused/gin", "unused/hash")),
        ("use is not looked at", ("unused/used", "unused/used gin")),
        ("CLUSTER is not looked at", ("unused/clustered",)),
        ("extensions' indexes count", ("oddities/of an extension",)),
        ("invalid indexes count", ("invalid/failed unique build", "invalid/failed twin")),
    ),
    *_of(
        "DuplicateIndex",
        ("predicates are not compared", ("pairs/other predicate", "pairs/whole beside partial")),
        ("expressions are not compared", ("pairs/other expression",)),
        ("collations are not compared", ("pairs/other collation",)),
        ("operator classes are not compared", ("pairs/other operator class",)),
        ("directions are not compared", ("pairs/other sort order",)),
        ("places of NULLs are not compared", ("pairs/other place of NULLs",)),
        ("methods are not compared", ("pairs/other method",)),
        ("included columns are not compared", ("pairs/other included columns",)),
        ("columns are a set", ("pairs/columns swapped",)),
        ("both twins are reported", ("pairs/twice the same", "pairs/three times")),
        ("the unique one is reported", ("pairs/plain beside unique", "pairs/unique before plain")),
        ("a constraint's index is reported", ("pairs/unique index beside unique constraint",)),
        ("the primary key is not compared", ("pairs/plain beside primary key",)),
        ("invalid indexes are compared", ("invalid/failed twin",)),
        ("indexes of different tables are compared", ("pairs/same name, two schemas", "pairs/inherited")),
        ("partitions' parts are reported", ("pairs/twins of a partitioned table",)),
    ),
    *_of(
        "RedundantIndex",
        ("column numbers are compared as text", ("pairs/column 1 and column 10",)),
        ("a suffix counts as a prefix", ("pairs/suffix",)),
        ("unique prefixes are reported", ("pairs/unique prefix",)),
        ("predicates are not compared", ("pairs/partial prefix", "pairs/longer one is partial")),
        ("methods are not compared", ("pairs/hash beside longer btree", "pairs/brin beside btree")),
        ("operator classes are not compared", ("pairs/prefix of other operator class",)),
        ("collations are not compared", ("pairs/prefix of other collation",)),
        ("included columns count as keys", ("pairs/included column is no key",)),
        ("included columns forbid", ("pairs/included columns",)),
        ("unique covers are left out", ("pairs/prefix of unique", "pairs/prefix of primary key")),
        ("only a single column is compared", ("pairs/prefix of two",)),
        ("the first of a chain is reported alone", ("pairs/chain",)),
        ("partial indexes are left out", ("pairs/partial prefix, same predicate",)),
        ("only all expressions together are compared", ("pairs/prefix of several expressions",)),
        ("expressions are left out", ("pairs/expression prefix",)),
    ),
    *_of(
        "InvalidIndex",
        ("builds under way are reported", ("sessions/index in the making",)),
        ("only unique indexes are looked at", ("invalid/failed expression build",)),
        ("none is reported", ("invalid/failed prefix",)),
    ),
    *_of(
        "ForeignKeyWithoutIndex",
        ("the order of columns matters", ("foreign keys/two columns, other order",)),
        ("columns anywhere in an index serve", ("foreign keys/second column of an index",)),
        ("partial indexes serve", ("foreign keys/only a partial index",)),
        ("IS NOT NULL indexes don't serve", ("foreign keys/all but NULLs",)),
        ("exact columns are needed", ("foreign keys/longer index",)),
        ("keys of several columns are left out", ("foreign keys/two columns",)),
        ("one served key excuses the table", ("foreign keys/one of two",)),
        ("size is not looked at", ("foreign keys/tiny child", "foreign keys/empty child")),
        ("partitions are reported one by one", ("foreign keys/of a partitioned table",)),
        ("partitioned tables are left out", ("foreign keys/of a partitioned table",)),
        ("the parent is reported", ("foreign keys/plain", "foreign keys/across schemas")),
        ("hash indexes don't serve", ("foreign keys/hash index",)),
        ("GiST indexes don't serve", ("foreign keys/exclusion constraint",)),
        ("collations are not looked at", ("foreign keys/index of another collation",)),
    ),
    *_of(
        "NeverAnalyzed",
        ("last_analyze alone is looked at", ("statistics/counters reset",)),
        ("size is not looked at", ("statistics/empty", "statistics/just created")),
        ("VACUUM counts as ANALYZE", ("statistics/vacuumed only",)),
        ("only ordinary tables are looked at", ("statistics/never analysed materialized view",)),
        ("foreign tables count", ("oddities/foreign table",)),
    ),
    *_of(
        "StaleStatistics",
        ("size is not looked at", ("statistics/tiny and restless",)),
        ("any change counts", ("statistics/one in a hundred changed",)),
        ("only inserts count", ("statistics/rewritten twice",)),
        ("autovacuum being off is enough", ("statistics/autovacuum off, no change",)),
        ("none is reported", ("statistics/grown tenfold",)),
    ),
    *_of(
        "DeadTuples",
        ("only the share counts", ("dead rows/tiny and restless",)),
        ("only the number counts", ("dead rows/one in a hundred dead",)),
        ("none is reported", ("dead rows/deleted, never vacuumed",)),
    ),
    *_of(
        "AutovacuumBehind",
        ("settings of the table are not looked at", ("dead rows/threshold of its own, nothing dead",)),
        ("none is reported", ("dead rows/autovacuum far behind",)),
        ("tables with settings of their own are left out",
         ("dead rows/autovacuum behind its own setting",)),
    ),
    *_of(
        "TransactionIdWraparound",
        ("an id of 0 has an age", ("wraparound/no transaction id at all",)),
        ("none is reported", ("wraparound/transaction ids",)),
    ),
    *_of("MultixactWraparound", ("none is reported", ("wraparound/multixact ids",))),
    *_of(
        "SequenceNearEnd",
        ("only the sequence's end counts", ("sequences/int column, bigint sequence",)),
        ("only the column's end counts", ("sequences/own limit", "sequences/bigint column, int sequence")),
        ("CYCLE is not looked at", ("sequences/cycle", "sequences/own low limit, cycle")),
        ("direction is not looked at", ("sequences/descending", "sequences/descending, just begun")),
        ("the start of the range is not looked at", ("sequences/high start",)),
        ("all end where int does", ("sequences/bigint beyond int", "sequences/smallint")),
        ("unowned sequences are left out", ("sequences/of no column",)),
        ("a sequence without a value breaks it", ("sequences/never called",)),
        ("a range's start is the type's", ("sequences/a range of its own",)),
    ),
    *_of(
        "TableBloat",
        ("fillfactor is not looked at", ("bloat/fillfactor",)),
        ("headers are not counted", ("bloat/narrow rows",)),
        ("rows may span pages", ("bloat/one row a page",)),
        ("alignment is not counted", ("bloat/padding",)),
        ("TOAST counts as heap", ("bloat/large TOAST",)),
        ("none is reported", ("bloat/deleted and vacuumed",)),
        ("old row counts are set against new sizes", ("statistics/grown tenfold",)),
    ),
    *_of(
        "IndexBloat",
        ("fillfactor is not looked at", ("bloat/index fillfactor",)),
        ("other methods are estimated like btree", ("bloat/gin index",)),
        ("one index of a table is enough", ("bloat/table and two indexes",)),
        ("dead rows have no entries", ("dead rows/updated, never vacuumed, indexed",)),
        ("predicates are not looked at",
         ("bloat/sparse partial index", "bloat/partial index of long values")),
        ("none is reported", ("bloat/table and index",)),
    ),
    *_of(
        "LongTransaction",
        ("the time of the connection counts", ("sessions/idle",)),
        ("only idle ones are looked at", ("sessions/one long statement",)),
    ),
    *_of(
        "IdleInTransaction",
        ("aborted ones are left out", ("sessions/idle after an error",)),
        ("idle ones count", ("sessions/idle", "sessions/idle after a rollback")),
    ),
    *_of(
        "BlockedSession",
        ("only table locks are looked at", ("sessions/blocked by an advisory lock",)),
        ("row locks are left out", ("sessions/blocked by a row",)),
        ("the last of a chain is left out", ("sessions/chain",)),
        ("held locks count as waits", ("sessions/holds an advisory lock",)),
    ),
    *_of(
        "SlowStatement",
        ("the number of calls alone counts", ("statements/fast and frequent",)),
        ("none is reported", ("statements/slow",)),
    ),
    *_of(
        "CacheHitRatio",
        ("any read counts", ("server/warm cache",)),
        ("none is reported", ("server/cache",)),
    ),
    *_of(
        "ConnectionsNearLimit",
        ("any number counts", ("server/room",)),
        ("none is reported", ("server/crowd",)),
    ),
    *_of(
        "Setting",
        ("any change of a default counts", ("server/sensible settings",)),
        ("settings of the database are left out", ("server/effective_cache_size",)),
    ),
    *_of(
        "MissingPrivilege",
        ("only one of the roles is looked at", ("server/role without privileges",)),
        ("both are always said", ("server/role with both", "server/role for statistics only")),
    ),
)  # fmt: skip
