"""The search over costs that are known: a planner of three lines stands for the server's."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.unit.database.indexes.facts import column, table

from setpoint.database.indexes.candidate import Candidate, ddl, name, rival
from setpoint.database.indexes.costs import Costs, Seen, bits
from setpoint.database.indexes.facts import TableFacts
from setpoint.database.indexes.search import Budget, Search
from setpoint.database.indexes.selection import Problem
from setpoint.database.indexes.size import size

Plans = Mapping[int, float]
"""A statement's plans: the cost by the set of indexes that one needs; the cheapest is taken."""


def problem(
    statements: list[Plans], sizes: list[int], limit: float, writes: list[float] | None = None
) -> Problem:
    number = len(sizes)
    return Problem(
        costs=[Costs((1 << number) - 1, plans[0], plans[0]) for plans in statements],
        sizes=sizes,
        writes=writes or [0.0] * number,
        tables=[n % 3 for n in range(number)],
        rivals=[0] * number,
        max_size=limit,
        max_indexes=100,
        max_per_table=100,
    )


async def chosen(given: Problem, statements: list[Plans], explains: int = 5000) -> tuple[int, int]:
    """The set, and the number of plans that were asked for."""
    asked = 0

    async def ask(number: int, given_set: int) -> Seen:
        nonlocal asked
        asked += 1
        possible = (
            (cost, used) for used, cost in statements[number].items() if not used & ~given_set
        )
        cost, used = min(possible)
        return Seen(given_set, used, cost)

    async def breathe() -> None:
        pass

    search = Search(given, ask, Budget(explains, lambda: 0.0), breathe)
    return await search.best([[] for _ in statements]), asked


def true_cost(statements: list[Plans], chosen_set: int) -> float:
    return sum(
        min(cost for used, cost in plans.items() if not used & ~chosen_set) for plans in statements
    )


@pytest.mark.parametrize("seed", range(20))
async def test_close_to_the_best_of_all_sets(seed: int) -> None:
    """And with fewer questions than one for each statement and set."""
    draw = random.Random(seed)
    number = 8
    statements: list[Plans] = []
    for _ in range(6):
        plans: dict[int, float] = {0: 1000.0}
        for _ in range(draw.randint(2, 8)):
            used = sum(1 << n for n in draw.sample(range(number), draw.randint(1, 2)))
            plans[used] = draw.uniform(50, 950)
        statements.append(plans)
    sizes = [draw.randint(5, 40) for _ in range(number)]
    given = problem(statements, sizes, 60)
    found, asked = await chosen(given, statements)
    allowed = [s for s in range(1 << number) if given.is_allowed(s)]
    best = min(true_cost(statements, s) for s in allowed)
    assert given.is_allowed(found)
    assert true_cost(statements, found) <= best * 1.05
    assert asked < len(statements) * len(allowed) / 2


async def test_two_that_only_help_together_are_found() -> None:
    statements: list[Plans] = [{0: 100.0, 0b11: 10.0}, {0: 100.0, 0b100: 60.0}]
    found, _ = await chosen(problem(statements, [10, 10, 20], 20), statements)
    assert found == 0b11


async def test_writes_count() -> None:
    statements: list[Plans] = [{0: 100.0, 0b1: 10.0}]
    for writes, expected in (([50.0], 0b1), ([95.0], 0)):
        found, _ = await chosen(problem(statements, [10], 100, writes), statements)
        assert found == expected


async def test_a_statement_that_nothing_helps_is_asked_about_once() -> None:
    statements: list[Plans] = [{0: 100.0}]
    found, asked = await chosen(problem(statements, [1] * 10, 100), statements)
    assert (found, asked) == (0, 1)


async def test_the_budget_of_questions_holds() -> None:
    statements: list[Plans] = [
        {0: 100.0, **{1 << n: 90.0 - n for n in range(12)}} for _ in range(9)
    ]
    _, asked = await chosen(problem(statements, [1] * 12, 5), statements, explains=30)
    assert asked <= 30


def test_one_plan_answers_for_many_sets() -> None:
    costs = Costs(0b111, 100.0, 100.0)
    costs.note(Seen(0b111, 0b001, 20.0))
    for chosen_set in (0b001, 0b011, 0b101, 0b111):
        assert costs.is_known(chosen_set)
        assert costs.upper(chosen_set) == 20.0
    assert not costs.is_known(0b010)
    assert (costs.lower(0b010), costs.upper(0b010)) == (20.0, 100.0)
    assert bits(0b1011) == (0, 1, 3)


def test_limits() -> None:
    given = problem([{0: 1.0}], [10, 10, 10, 10], 30)
    assert given.is_allowed(0b111)
    assert not given.is_allowed(0b1111)
    few = Problem(
        given.costs, given.sizes, given.writes, [1, 1, 2, 2], [0b10, 0b01, 0, 0], 99, 3, 1
    )
    assert few.is_allowed(0b101)
    assert not few.is_allowed(0b1100)
    assert not few.is_allowed(0b0011)


def test_sizes_follow_deduplication() -> None:
    """Measured on PostgreSQL 15 with TPC-H at scale 1: 45, 43, 13 and 129 MiB."""
    lineitem = table(1, "lineitem", "part:200000 ship:2526 order:1500000 line:7", 6_001_215)
    orders = table(2, "orders", "customer:99996", 1_500_000)
    measured = [
        (Candidate(1, ("part",)), lineitem, 45),
        (Candidate(1, ("ship",)), lineitem, 41),
        (Candidate(2, ("customer",)), orders, 12),
        (Candidate(1, ("order", "line")), lineitem, 129),
    ]
    for candidate, facts, expected in measured:
        assert size(candidate, facts) / 2**20 == pytest.approx(expected, rel=0.1)


def test_a_static_table_gets_full_pages() -> None:
    """Measured on PostgreSQL 15 with TPC-H at scale 1, at fillfactors of 90 and 100."""
    lineitem = table(1, "lineitem", "part:200000 ship:2526 order:1500000 line:7", 6_001_215)
    orders = table(2, "orders", "customer:99996", 1_500_000)
    customer = table(3, "customer", "nation:25 key:150000", 150_000)
    measured = [
        (Candidate(1, ("part",)), lineitem, 40.66 / 42.99),
        (Candidate(1, ("ship",)), lineitem, 1.0),
        (Candidate(2, ("customer",)), orders, 11.13 / 12.05),
        (Candidate(3, ("nation",), ("key",)), customer, 2.92 / 3.24),
    ]
    for candidate, facts, expected in measured:
        full = size(candidate, replace(facts, is_static=True))
        assert full / size(candidate, facts) == pytest.approx(expected, abs=0.01)
    [statement] = ddl(Candidate(2, ("customer",)), replace(orders, is_static=True))
    assert statement.endswith(" ON s.orders (customer) WITH (fillfactor = 100)")


def test_payload_and_numbers_share_no_place() -> None:
    facts = table(1, "t", "a:10 b:10", 1e6)
    shared = size(Candidate(1, ("a", "b")), facts)
    assert size(Candidate(1, ("a",), ("b",)), facts) > 2 * shared
    numeric = TableFacts(1, "s", "t", "r", 1e6, 9, {"a": column("a", 1, 10, is_deduplicable=False)})
    assert size(Candidate(1, ("a",)), numeric) > 2 * size(Candidate(1, ("a",)), facts)


def test_names_are_the_same_again_and_short() -> None:
    facts = table(1, "orders", "a b")
    assert name(Candidate(1, ("a", "b")), facts) == "orders_a_b_sp"
    long = table(1, "t" * 60, "a b")
    names = {name(c, long) for c in (Candidate(1, ("a",)), Candidate(1, ("a",), ("b",)))}
    assert len(names) == 2
    assert all(len(n.encode()) <= 63 for n in names)


def test_ddl_quotes_and_builds_beside_writes() -> None:
    facts = table(1, "Order", "a select", schema="My Shop")
    candidate = Candidate(1, ("select",), ("a",), ("select",))
    [statement] = ddl(candidate, facts)
    assert statement.startswith("CREATE INDEX CONCURRENTLY ")
    assert statement.endswith('ON "My Shop"."Order" ("select" DESC) INCLUDE (a)')


def test_a_partitioned_table_gets_one_for_each_leaf() -> None:
    facts = TableFacts(1, "s", "t", "p", 9, 9, {"a": column("a", 1)}, partitions=("s.t1", "s.t2"))
    statements = ddl(Candidate(1, ("a",)), facts)
    assert statements[0] == "CREATE INDEX t_a_sp ON ONLY s.t (a)"
    assert statements[1:3] == (
        "CREATE INDEX CONCURRENTLY t_a_sp_1 ON s.t1 (a)",
        "ALTER INDEX s.t_a_sp ATTACH PARTITION s.t_a_sp_1",
    )
    assert len(statements) == 5


def test_one_that_begins_the_other_is_its_rival() -> None:
    a, ab, b = Candidate(1, ("a",)), Candidate(1, ("a", "b")), Candidate(1, ("b",))
    for one, other in itertools.permutations((a, ab)):
        assert rival(one, other)
    assert not rival(ab, b)
    assert not rival(a, Candidate(2, ("a",)))
    assert not rival(a, a)
