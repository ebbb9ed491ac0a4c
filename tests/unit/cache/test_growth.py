"""Growth of keys without a TTL over days, by prefix, and over a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.cache import growth, rules
from setpoint.cache.growth import Earlier
from setpoint.cache.layouts import SampledKey
from setpoint.cache.window import Window, from_info

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def sampled(carts: int, pages: int) -> list[SampledKey]:
    """Keys without a TTL of two prefixes, and as many that have one."""
    without = [SampledKey(b"cart:%d" % n, "hash") for n in range(carts)]
    without += [SampledKey(b"page:%d" % n, "string") for n in range(pages)]
    return [*without, *(SampledKey(b"user:%d" % n, "string", 60.0) for n in range(carts + pages))]


def window(keys: int, grown: growth.Growth | None, policy: str = "volatile-lru") -> Window:
    text = f"role:master\nmaxmemory:1000\nmaxmemory_policy:{policy}\ndb0:keys={keys},expires=5000\n"
    return replace(from_info(text, text, 300), growth=grown)


def found(*arguments: Any) -> list[str]:
    return [
        f.evidence for f in rules.findings(window(*arguments)) if f.id == "GrowingKeysWithoutTTL"
    ]


def test_growth_is_reckoned_from_a_count_that_is_a_day_or_two_old() -> None:
    earlier = Earlier()
    for hour in range(72):
        earlier = growth.advance(earlier, NOW + timedelta(hours=hour), 1000 + hour, sampled(10, 90))
        assert earlier.older is not None
        assert earlier.younger is not None
    assert earlier.older is not None
    assert earlier.older.taken_at.startswith("2026-11-25")
    grown = growth.growth(earlier, NOW + timedelta(hours=72), 1072, sampled(10, 90))
    assert grown is not None
    assert (grown.hours, grown.keys, grown.before) == (48, 48, 1024)


def test_a_leak_that_no_window_shows_is_found_with_its_prefix() -> None:
    before = growth.advance(Earlier(), NOW, 10_000, sampled(10, 90))
    assert found(15_000, growth.growth(before, NOW, 10_000, sampled(10, 90))) == []
    grown = growth.growth(before, NOW + DAY, 12_000, sampled(25, 75))
    [evidence] = found(17_000, grown)
    assert evidence.startswith("2000 more in 24 hours, after 10000; by a sample: cart:* 2000 more")
    assert found(17_000, grown, "allkeys-lru") == [], "any key may be evicted"
    assert found(900_000, grown, "noeviction") == [], "hardly any TTL: it is a store's data"


def test_the_count_outlives_a_restart() -> None:
    before = growth.advance(Earlier(), NOW, 10_000, sampled(10, 90))
    assert before.older is not None
    again = growth.recall(before.older.wire())
    assert again.older == before.older
    later = growth.advance(again, NOW + timedelta(hours=5), 12_000, sampled(10, 90))
    assert later.older == before.older
    grown = growth.growth(later, NOW + timedelta(hours=5), 12_000, sampled(10, 90))
    assert grown is not None
    assert grown.keys == 2000
    assert growth.recall({"takenAt": "yesterday", "keys": 1}) == Earlier()
    assert growth.recall("nonsense") == Earlier()


def test_a_clock_that_is_put_back_says_nothing() -> None:
    before = growth.advance(Earlier(), NOW, 10_000, sampled(10, 90))
    assert growth.growth(before, NOW - DAY, 20_000, sampled(10, 90)) is None
