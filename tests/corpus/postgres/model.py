"""What the corpus says: cases, their labels, and the score of an analysis against them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Kind = Literal["problem", "trap"]
Stage = Literal["load", "settle", "work"]

IDS = (
    "SequentialScans", "UnusedIndex", "DuplicateIndex", "RedundantIndex", "InvalidIndex",
    "ForeignKeyWithoutIndex", "NeverAnalyzed", "StaleStatistics", "DeadTuples",
    "AutovacuumBehind", "TransactionIdWraparound", "MultixactWraparound", "SequenceNearEnd",
    "CacheHitRatio", "LongTransaction", "IdleInTransaction", "BlockedSession",
    "ConnectionsNearLimit", "SlowStatement", "TableBloat", "IndexBloat", "Setting",
    "MissingPrivilege",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Expected:
    """A finding, by its id and the object as it is written in findings."""

    id: str
    object: str


@dataclass(frozen=True)
class Pick:
    """Findings of which at least `least` and at most `most` are right: either of two twins, or
    what follows from the planted problem and may be said beside it (`least` 0)."""

    of: frozenset[Expected]
    least: int
    most: int


@dataclass(frozen=True)
class Premise:
    """A statement of one boolean that holds if the case is what it says it is."""

    says: str
    sql: str


@dataclass(frozen=True)
class Held:
    """A session that stays: it runs `statements`, then sends `waits` and gets no answer.

    Findings and premises call it `session KEY` until its process id is known.
    """

    key: str
    statements: tuple[str, ...]
    waits: str = ""


@dataclass(frozen=True)
class Asked:
    """A statement of the application, run `calls` times; findings call it `statement KEY` until
    its query id is known."""

    key: str
    statement: str
    calls: int


@dataclass(frozen=True)
class Case:
    """One planted fact. `expected` is all of it, but for `picks`."""

    name: str
    kind: Kind
    expected: frozenset[Expected]
    why: str
    picks: tuple[Pick, ...] = ()
    part: str = "main"
    """The analysis that is to find it, see View."""
    requires: str = ""
    """An extension without which the case is not planted."""
    premises: tuple[Premise, ...] = ()
    objects: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other ways to write an object of `expected`: a foreign key for its table."""
    statements: Mapping[Stage, tuple[str, ...]] = field(default_factory=dict, repr=False)
    held: tuple[Held, ...] = ()
    asked: tuple[Asked, ...] = ()
    weight: float = 1
    """Roughly how long it takes to plant: heavy ones start first."""

    def about(self) -> frozenset[str]:
        """Every finding id it has something to say about."""
        picked = {one.id for pick in self.picks for one in pick.of if pick.least}
        return frozenset({one.id for one in self.expected} | picked)


@dataclass(frozen=True)
class View:
    """One analysis to run: as whom, of which database, with which assumptions."""

    part: str
    """Whose cases it is scored by: `Case.part`."""
    database: str
    user: str
    password: str
    statistics_age: timedelta
    """As how old the statistics shall count: they are seconds old in truth. None of the rates
    of this corpus is a label, so a rule that needs an age takes this one."""
    long_transaction: timedelta = timedelta(minutes=5)
    """From which age on transactions, idle or not, and waits are to be reported."""


@dataclass(frozen=True)
class Wrong:
    """One error: `extra` was found and should not be, `missing` should be and was not."""

    what: Literal["extra", "missing"]
    finding: Expected
    case: str
    why: str

    def __str__(self) -> str:
        return f"{self.what} {self.finding.id} {self.finding.object!r} ({self.case}: {self.why})"


@dataclass(frozen=True)
class Tally:
    """Counts of one id."""

    right: int = 0
    extra: int = 0
    missing: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.extra) if self.right + self.extra else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missing) if self.right + self.missing else 1.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.right + other.right, self.extra + other.extra, self.missing + other.missing
        )


@dataclass(frozen=True)
class Score:
    """How an analysis did, in all and by finding id."""

    by_id: Mapping[str, Tally]
    wrong: tuple[Wrong, ...]

    @property
    def total(self) -> Tally:
        return sum(self.by_id.values(), Tally())

    @property
    def precision(self) -> float:
        return self.total.precision

    @property
    def recall(self) -> float:
        return self.total.recall

    def wrong_cases(self) -> frozenset[str]:
        """Names of the cases that the analysis got wrong."""
        return frozenset(wrong.case for wrong in self.wrong)


def score_cases(
    found: Iterable[Expected], cases: Iterable[Case], owners: Mapping[str, Case]
) -> Score:
    """Compare findings that are all about planted objects with the labels.

    `owners` maps an object to the case it belongs to.
    """
    rest = set(found)
    tallies = dict.fromkeys(IDS, Tally())
    wrong: list[Wrong] = []

    def count(finding: Expected, case: str, why: str, what: Literal["extra", "missing"]) -> None:
        tally = Tally(extra=1) if what == "extra" else Tally(missing=1)
        tallies[finding.id] = tallies.get(finding.id, Tally()) + tally
        wrong.append(Wrong(what, finding, case, why))

    for case in cases:
        picks = [Pick(frozenset({one}), 1, 1) for one in sorted(case.expected)]
        for pick in [*picks, *case.picks]:
            hits = sorted(rest & pick.of)
            rest -= pick.of
            for hit in hits[: pick.most]:
                tallies[hit.id] += Tally(right=1)
            for hit in hits[pick.most :]:
                count(hit, case.name, case.why, "extra")
            for absent in sorted(pick.of - set(hits))[: max(0, pick.least - len(hits))]:
                count(absent, case.name, case.why, "missing")
    for finding in sorted(rest):
        owner = owners.get(finding.object)
        count(
            finding,
            owner.name if owner else "",
            owner.why if owner else "nothing of this name was planted",
            "extra",
        )
    return Score(tallies, tuple(wrong))
