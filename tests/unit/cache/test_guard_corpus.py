"""What the guard corpora promise, and what the guard makes of them."""

import functools
from collections.abc import Sequence

import pytest
from tests.corpus.redis import guard, second, third
from tests.corpus.redis.keyspace import ALLKEYS, VOLATILE, Keyspace

from setpoint.api.cachetuning import DefaultTTL, KeyType
from setpoint.cache.guard import Guard
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey, layout_of, may_belong
from setpoint.cache.sweep_choice import Choice

SEED = 20_261_124


@functools.cache
def unsafe() -> Sequence[Keyspace]:
    return [*guard.unsafe(SEED), *second.unsafe(SEED), *third.unsafe(SEED)]


@functools.cache
def pure_caches() -> Sequence[Keyspace]:
    return [
        *guard.pure_caches(SEED),
        *second.pure_caches(SEED),
        *third.pure_caches(SEED),
    ]


@functools.cache
def seen(space: Keyspace) -> list[SampledKey]:
    return [SampledKey(e.key, e.type, e.ttl, e.bytes) for e in space.entries]


@functools.cache
def judge_of(space: Keyspace) -> Guard:
    return Guard(seen(space))


@functools.cache
def kin(space: Keyspace) -> Kin:
    return Kin(seen(space))


def choice(space: Keyspace, kinds: Sequence[KeyType]) -> Choice:
    """As after a look through all keys, which is what a sweep begins with."""
    default = DefaultTTL.model_validate({"ttl": "1h", "include": ["*"], "types": kinds})
    return Choice(default, kin(space))


def test_there_are_enough_of_both_kinds() -> None:
    assert len(unsafe()) >= 100
    assert len(pure_caches()) >= 80
    names = [space.name for space in (*unsafe(), *pure_caches())]
    assert len(set(names)) == len(names)


def test_every_unsafe_keyspace_has_protected_keys_and_no_safe_allkeys_policy() -> None:
    for space in unsafe():
        assert space.protected, space.name
        assert space.unsafe_policies >= ALLKEYS, space.name


def test_every_pure_cache_may_use_allkeys_and_has_nothing_protected() -> None:
    for space in pure_caches():
        assert space.is_pure_cache, space.name
        assert space.safe_policies >= ALLKEYS, space.name


def test_no_policy_is_both_safe_and_unsafe_and_no_cache_key_is_protected() -> None:
    for space in (*unsafe(), *pure_caches()):
        assert not space.safe_policies & space.unsafe_policies, space.name
        assert space.safe_policies | space.unsafe_policies <= ALLKEYS | VOLATILE
        assert not space.sweepable & space.protected, space.name


def test_a_seed_builds_the_same_keys_again_and_another_seed_others() -> None:
    first, again, other = (guard.unsafe(seed)[0].entries for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_unsafe_policy_is_refused() -> None:
    let_through = [
        (space.name, policy)
        for space in unsafe()
        for policy in space.unsafe_policies
        if judge_of(space).refuse(policy) is None
    ]
    print(f"{sum(len(space.unsafe_policies) for space in unsafe())} unsafe policies, seed {SEED}")
    assert let_through == []


def test_pure_caches_are_let_through() -> None:
    refused = {
        space.name: refusal.evidence
        for space in pure_caches()
        for policy in sorted(space.safe_policies)
        if (refusal := judge_of(space).refuse(policy)) is not None
    }
    share = 1 - len(refused) / len(pure_caches())
    print(f"{100 * share:.0f}% of {len(pure_caches())} pure caches let through; not: {refused}")
    assert share >= 0.95


@pytest.mark.parametrize("kinds", [["string", "hash"], list(KeyType)], ids=["default", "all types"])
def test_no_protected_key_is_given_a_ttl(kinds: list[KeyType]) -> None:
    for space in unsafe():
        judge = choice(space, kinds)
        given = [
            entry.key
            for entry in space.entries
            if entry.key in space.protected
            and entry.ttl is None
            and entry.type in judge.kinds
            and not judge.is_protected(entry.key, entry.type)
        ]
        assert given == [], space.name


def test_nearly_every_key_of_a_cache_may_be_given_a_ttl() -> None:
    wanted = given = 0
    for space in (*unsafe(), *pure_caches()):
        judge = choice(space, [KeyType.STRING, KeyType.HASH])
        keys = [entry for entry in space.entries if entry.key in space.sweepable]
        wanted += len(keys)
        given += sum(not judge.is_protected(entry.key, entry.type) for entry in keys)
    print(f"{given} of {wanted} keys of caches without TTL")
    assert given / wanted >= 0.95


def test_names_alone_are_enough_to_ask_for_a_type() -> None:
    for space in unsafe():
        for entry in space.entries:
            if entry.type != "stream" and layout_of(entry.key, entry.type) is not None:
                assert may_belong(entry.key), entry.key
