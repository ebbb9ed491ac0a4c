"""Differences between our own looks, across resets and restarts; findings nobody wants."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.database.a_database import NOW, database, findings, index, snapshot, table

from setpoint.api.dbtuning import Baseline, DBTuningSpec
from setpoint.api.ignore import Ignore
from setpoint.database import history
from setpoint.database import memory as whole
from setpoint.database.decide import decide
from setpoint.database.history import Memory
from setpoint.database.model import Observed, Snapshot, Window
from setpoint.engine.ignore import wanted
from setpoint.engine.model import Decision

MINUTE = timedelta(minutes=1)


def seen(scans: int, after: timedelta = timedelta(0), hit: int = 0) -> Snapshot:
    return snapshot(
        tables=[table(seq_scan=scans, seq_tup_read=scans * 1000)],
        taken_at=NOW + after,
        databases=[database(blocks_hit=hit)],
    )


def look(memory: Memory, snapshot: Snapshot) -> tuple[Window | None, Memory]:
    [made], memory = history.advance(memory, [snapshot])
    return made.window, memory


def test_a_second_look_tells_what_happened_since_the_first() -> None:
    window, memory = look(Memory(), seen(2000, hit=5))
    assert window is None
    window, memory = look(memory, seen(2060, timedelta(hours=1), hit=65))
    assert window is not None
    assert (window.seconds, window.blocks_hit) == (3600, 60)
    assert window.tables[1].seq_scan == 60
    window, _ = look(memory, seen(2061, timedelta(hours=2)))
    assert window is None, "the blocks went back: the statistics were reset"


def test_a_reset_begins_anew() -> None:
    _, memory = look(Memory(), seen(2000))
    window, memory = look(memory, seen(5, MINUTE))
    assert window is None
    window, _ = look(memory, seen(7, 2 * MINUTE))
    assert window is not None
    assert window.tables[1].seq_scan == 2


def test_what_is_known_spans_one_to_two_days() -> None:
    memory, spans = Memory(), []
    for hour in range(100):
        window, memory = look(memory, seen(2000 + hour, timedelta(hours=hour)))
        spans.append(window.seconds / 3600 if window else 0)
    assert min(spans[24:]) >= 24
    assert max(spans) <= 48


def test_what_survives_a_restart_is_bounded_and_rare() -> None:
    _, memory = look(Memory(), seen(2000))
    many = [("shop", 1), *(("shop", n) for n in range(2, 500))]
    memory = history.persist(memory, many, NOW)
    assert memory.persisted == Baseline(
        taken_at="2026-11-24T12:00:00Z", counters=["shop/1/2000/2000000/0"]
    )
    again = history.persist(memory, [], NOW + 59 * MINUTE)
    assert again.persisted == memory.persisted
    assert history.persist(memory, [], NOW + 60 * MINUTE).persisted is None

    recalled = history.recall(memory.persisted)
    window, recalled = look(recalled, seen(2500, timedelta(hours=10)))
    assert window is not None
    assert (window.tables[1].seconds, window.tables[1].seq_scan) == (36_000, 500)
    kept = history.persist(recalled, many, NOW + timedelta(hours=10))
    assert kept.persisted == memory.persisted, "a restart writes nothing"


def test_many_tables_are_cut_at_a_hundred() -> None:
    tables = [table(n, f"t{n}", seq_scan=2000) for n in range(1, 300)]
    _, memory = look(Memory(), snapshot(tables=tables))
    memory = history.persist(memory, [("shop", n) for n in range(1, 300)], NOW)
    assert memory.persisted is not None
    assert len(memory.persisted.counters) == 100
    assert len(memory.persisted.model_dump_json()) < 4 * 1024 + 200
    [long] = [snapshot(database="d" * 63, tables=tables)]
    _, memory = look(Memory(), long)
    memory = history.persist(memory, [("d" * 63, n) for n in range(1, 300)], NOW)
    assert memory.persisted is not None
    assert 30 < len(memory.persisted.counters) < 100
    assert len(memory.persisted.model_dump_json()) < 4 * 1024 + 200


@pytest.mark.parametrize("broken", ["", "shop/1", "shop/a/b/c/d", "shop/1/2/3/4/x"])
def test_a_baseline_that_somebody_else_wrote_is_nothing(broken: str) -> None:
    stored = Baseline(taken_at="2026-11-24T12:00:00Z", counters=[broken])
    assert not history.recall(stored).recalled
    assert not history.recall(Baseline(taken_at="yesterday", counters=[])).recalled


# Through decide


def decided(
    spec: dict[str, Any], *snapshots: Snapshot, status: dict[str, Any] | None = None
) -> Decision[whole.Memory]:
    postgres = {"secretRef": {"name": "db"}, **spec.pop("postgres", {})}
    model = DBTuningSpec.model_validate({"postgres": postgres, **spec})
    return decide(model, Observed(None, snapshots, []), whole.Memory(), status or {}, NOW)


UNUSED = index(scans=0, tuples_read=0)


def test_several_databases_begin_their_objects_with_their_names() -> None:
    both = [
        snapshot(database=name, indexes=[UNUSED], databases=[database(), database(name="My db")])
        for name in ("shop", "My db")
    ]
    decision = decided({"postgres": {"databases": ["shop", "My db"]}}, *both)
    assert {finding.object for finding in decision.findings} == {
        "shop.public.orders_100",
        '"My db".public.orders_100',
    }


def test_what_cannot_be_looked_at_is_not_resolved() -> None:
    def item(name: str) -> dict[str, Any]:
        return {
            "id": "UnusedIndex", "object": name, "severity": "Info", "message": "m",
            "evidence": "e", "remedy": "r", "firstSeen": "2026-11-01T00:00:00Z",
        }  # fmt: skip

    status: dict[str, Any] = {
        "findings": {"items": [item("shop.public.gone"), item("archive.public.there")]}
    }
    wanted_databases = {"postgres": {"databases": ["shop", "archive"]}}
    decision = decided(wanted_databases, snapshot(), status=status)
    assert [finding.object for finding in decision.findings] == ["archive.public.there"]


def test_findings_that_nobody_wants_are_counted() -> None:
    decision = decided(
        {"ignore": [{"finding": "UnusedIndex", "object": "public.*", "reason": "yearly report"}]},
        snapshot(indexes=[UNUSED]),
    )
    assert (decision.findings, decision.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("entry", "is_wanted"),
    [
        ({"finding": "UnusedIndex"}, False),
        ({"finding": "TableBloat"}, True),
        ({"object": "public.*"}, False),
        ({"object": "public.orders_1?0"}, False),
        ({"object": "public.orders_[1]00"}, True),
        ({"object": "audit.*"}, True),
        ({"finding": "UnusedIndex", "object": "audit.*"}, True),
        ({"finding": "UnusedIndex", "until": "2026-11-24"}, False),
        ({"finding": "UnusedIndex", "until": "2026-11-23"}, True),
        ({"finding": "UnusedIndex", "until": "2027-02-30"}, True),
    ],
    ids=str,
)
def test_what_an_entry_ignores(entry: dict[str, str], is_wanted: bool) -> None:
    found = findings(snapshot(indexes=[UNUSED]))
    kept, ignored = wanted(found, [Ignore.model_validate({**entry, "reason": "r"})], NOW)
    assert (bool(kept), ignored) == (is_wanted, 0 if is_wanted else 1)
