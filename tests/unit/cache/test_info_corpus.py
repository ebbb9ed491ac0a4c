"""What the INFO corpus promises, and what the rules make of it."""

from collections import Counter

from tests.corpus.redis.info.fixtures import FINDINGS, Fixture, fixtures, score

from setpoint.cache import rules
from setpoint.cache.layouts import SampledKey
from setpoint.cache.window import Command, Latency, from_info


def found(fixture: Fixture) -> set[str]:
    """The ids of what all rules find."""
    seen = fixture.seen
    window = from_info(
        fixture.before,
        fixture.after,
        fixture.seconds,
        fixture.config,
        sampled=[SampledKey(*key) for key in seen.sampled],
        slow=[Command(*entry) for entry in seen.slow],
        latency=[Latency(*entry) for entry in seen.latency],
        denied=seen.denied,
        unreachable=seen.unreachable,
        memory_limit=seen.memory_limit,
    )
    return {finding.id for finding in rules.findings(window)}


def test_there_are_enough_and_half_of_them_are_captured() -> None:
    everything = fixtures()
    captured = sum(fixture.captured for fixture in everything)
    print(f"{len(everything)} fixtures, {captured} captured")
    assert len(everything) >= 200
    assert captured * 2 >= len(everything)
    assert len({fixture.name for fixture in everything}) == len(everything)


def test_labels_are_of_the_vocabulary_and_do_not_contradict() -> None:
    for fixture in fixtures():
        assert fixture.expected | fixture.allowed <= FINDINGS, fixture.name
        assert not fixture.expected & fixture.allowed, fixture.name
        assert fixture.why
        assert fixture.seconds > 0


def test_every_finding_is_expected_of_some_captured_or_edited_server() -> None:
    assert {name for fixture in fixtures() for name in fixture.expected} == FINDINGS


def test_every_edit_changes_something() -> None:
    plain = {(fixture.before, fixture.after) for fixture in fixtures() if fixture.captured}
    for fixture in fixtures():
        assert fixture.captured or (fixture.before, fixture.after) not in plain, fixture.name


def test_the_score_of_the_labels_is_perfect_and_of_silence_is_not() -> None:
    perfect = score(lambda fixture: fixture.expected)
    assert (perfect.precision, perfect.recall) == (1.0, 1.0)
    assert score(lambda _: ()).recall == 0.0
    assert score(lambda _: FINDINGS).precision < 0.2


def test_precision_and_recall_of_the_findings() -> None:
    """Of all together, and of each finding by itself."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    mistakes = []
    for fixture in fixtures():
        ids = found(fixture)
        right.update(ids & fixture.expected)
        wrong.update(extra := ids - fixture.expected - fixture.allowed)
        missed.update(absent := fixture.expected - ids)
        if extra or absent:
            mistakes.append((fixture.name, sorted(extra), sorted(absent)))
    print(f"\n{'finding':<24} right wrong missed precision recall")
    shares = {}
    for name in sorted(FINDINGS):
        shares[name] = (
            right[name] / max(right[name] + wrong[name], 1),
            right[name] / max(right[name] + missed[name], 1),
        )
        print(
            f"{name:<24} {right[name]:>5} {wrong[name]:>5} {missed[name]:>6} "
            f"{shares[name][0]:>9.2f} {shares[name][1]:>6.2f}"
        )
    whole = score(found)
    print(f"all: precision {whole.precision:.3f}, recall {whole.recall:.3f}")
    assert (whole.precision, whole.recall) >= (0.95, 0.9), mistakes
    assert whole.recall >= 0.9, mistakes
    assert all(precision >= 0.9 and recall >= 0.9 for precision, recall in shares.values()), (
        mistakes
    )
