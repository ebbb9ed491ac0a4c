"""Columns are followed down to the tables they come from."""

from tests.unit.database.indexes.facts import table, tables

from setpoint.database.indexes.candidate import Candidate
from setpoint.database.indexes.candidates import of_use
from setpoint.database.indexes.facts import IndexFacts, TableFacts
from setpoint.database.indexes.resolve import Use, uses
from setpoint.database.indexes.tree import parse

ORDERS = table(1, "orders", "id:1000000 customer:50000 day:900 state:5 note:800000")
CUSTOMERS = table(2, "customers", "id:50000 name:49000 country:30", 50_000)
VIEW = TableFacts(
    3, "s", "open_orders", "v", 0, 0, {c: ORDERS.columns[c] for c in ("id", "customer")},
    view="SELECT o.id, o.customer FROM s.orders o WHERE o.state = 1",
)  # fmt: skip


def used(text: str) -> list[Use]:
    return uses(parse(text.encode()).root, tables(ORDERS, CUSTOMERS, VIEW))


def test_roles_of_columns() -> None:
    [orders, customers] = used(
        "SELECT count(*) FROM s.orders o JOIN s.customers c ON c.id = o.customer"
        " WHERE o.state = 1 AND o.day BETWEEN 3 AND 4 AND c.country IN ('de', 'fr')"
        " AND NOT o.note = 'x'"
    )
    assert orders.equal == {"state"}
    assert orders.ranges == {"day"}
    assert orders.joins == {"customer": {1}}
    assert customers.equal == {"country"}
    assert customers.joins == {"id": {0}}
    assert orders.needed == {"customer", "state", "day", "note"}


def test_unqualified_quoted_and_aliased_names() -> None:
    [use] = used('SELECT x."day" FROM s.orders AS x (a, b) WHERE b = 7 ORDER BY x.day DESC')
    assert use.equal == {"customer"}
    assert use.orders == [(("day", True),)]
    assert use.needed == {"customer", "day"}


def test_views_ctes_and_subqueries_are_seen_through() -> None:
    for source in (
        "s.open_orders v",
        "(SELECT id, customer FROM s.orders WHERE state = 1) v",
        "(WITH c AS (SELECT * FROM s.orders) SELECT id, customer FROM c WHERE state = 1) v",
        (
            "(SELECT id, customer FROM s.orders WHERE state = 1"
            " UNION ALL SELECT id, customer FROM s.orders WHERE state = 1) v"
        ),
    ):
        for use in used(f"SELECT v.id FROM {source} WHERE v.customer = 3"):
            assert use.equal == {"state", "customer"}, source


def test_correlated_subqueries_join() -> None:
    [customers, orders] = used(
        "SELECT name FROM s.customers c WHERE EXISTS (SELECT * FROM s.orders o"
        " WHERE o.customer = c.id AND o.day > 5)"
    )
    assert orders.joins == {"customer": {0}}
    assert orders.needed == {"customer", "day"}, "the star of EXISTS reads nothing"
    assert customers.joins == {"id": {1}}


def test_what_all_branches_of_an_or_ask_must_hold() -> None:
    [use] = used("SELECT 1 FROM s.orders WHERE (state = 1 AND day = 2) OR (state = 3 AND id = 4)")
    assert use.equal == {"state"}
    assert use.either == {"day", "id"}


def test_groups_extremes_and_names_of_outputs() -> None:
    [use] = used("SELECT customer AS who, max(day) FROM s.orders GROUP BY 1 ORDER BY who")
    assert use.groups == [("customer",)]
    assert (("day", False),) in use.orders
    assert (("customer", False),) in use.orders


def test_a_recursive_query_ends() -> None:
    found = used(
        "WITH RECURSIVE r (id) AS (SELECT id FROM s.orders WHERE customer = 1"
        " UNION SELECT o.id FROM s.orders o JOIN r ON r.id = o.customer) SELECT * FROM r"
    )
    assert any(use.equal == {"customer"} for use in found)


def keys(text: str) -> set[tuple[str, ...]]:
    return {c.columns for use in used(text) for c in of_use(use)}


def test_equality_comes_first_then_the_range() -> None:
    found = keys("SELECT note FROM s.orders WHERE day > 3 AND state = 1 AND customer = 2")
    assert ("customer", "state", "day") in found
    assert ("day", "customer", "state") not in found


def test_an_order_follows_what_is_fixed() -> None:
    assert ("customer", "day") in keys("SELECT * FROM s.orders WHERE customer = 2 ORDER BY day")
    [use] = used("SELECT * FROM s.orders ORDER BY day DESC, id")
    assert Candidate(1, ("day", "id"), (), ("day",)) in of_use(use)


def test_all_that_is_read_can_be_in_the_index() -> None:
    [use] = used("SELECT id FROM s.orders WHERE day = 3")
    assert Candidate(1, ("day",), ("id",)) in of_use(use)


def test_nothing_that_an_index_has_already() -> None:
    primary = IndexFacts("pk", ("id", "customer"), (), is_unique=True, is_partial=False)
    known = table(1, "orders", "id:1000000 customer day", 1e6, primary)
    root = parse(b"SELECT 1 FROM s.orders WHERE id = 1 AND customer = 2 AND day = 3").root
    [use] = uses(root, tables(known))
    found = {c.all_columns for c in of_use(use)}
    assert ("id",) not in found
    assert ("id", "customer") not in found
    assert ("customer",) in found


def test_small_tables_and_unindexable_types_are_left() -> None:
    small = table(1, "orders", "id:100 day:9", 100)
    root = parse(b"SELECT 1 FROM s.orders WHERE id = 1").root
    assert [c for use in uses(root, tables(small)) for c in of_use(use)] == []
