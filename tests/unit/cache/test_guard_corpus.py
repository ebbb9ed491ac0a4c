"""What the guard corpus promises those who measure with it."""

from tests.corpus.redis.guard import keyspaces, pure_caches, unsafe
from tests.corpus.redis.keyspace import ALLKEYS, VOLATILE

SEED = 20_261_124


def test_there_are_enough_of_both_kinds() -> None:
    assert len(unsafe(SEED)) >= 40
    assert len(pure_caches(SEED)) >= 40
    names = [space.name for space in keyspaces(SEED)]
    assert len(set(names)) == len(names)


def test_every_unsafe_keyspace_has_protected_keys_and_no_safe_allkeys_policy() -> None:
    for space in unsafe(SEED):
        assert space.protected, space.name
        assert space.unsafe_policies >= ALLKEYS, space.name


def test_every_pure_cache_may_use_allkeys_and_has_nothing_protected() -> None:
    for space in pure_caches(SEED):
        assert space.is_pure_cache, space.name
        assert space.safe_policies >= ALLKEYS, space.name


def test_no_policy_is_both_safe_and_unsafe_and_no_cache_key_is_protected() -> None:
    for space in keyspaces(SEED):
        assert not space.safe_policies & space.unsafe_policies, space.name
        assert space.safe_policies | space.unsafe_policies <= ALLKEYS | VOLATILE
        assert not space.sweepable & space.protected, space.name


def test_a_seed_builds_the_same_keys_again_and_another_seed_others() -> None:
    first, again, other = (unsafe(seed)[0].entries for seed in (1, 1, 2))
    assert first == again
    assert first != other
