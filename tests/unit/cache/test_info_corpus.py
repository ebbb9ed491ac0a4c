"""What the INFO corpus promises those who measure with it."""

from tests.corpus.redis.info.fixtures import FINDINGS, fixtures, score


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


def test_every_edit_changes_something() -> None:
    plain = {(fixture.before, fixture.after) for fixture in fixtures() if fixture.captured}
    for fixture in fixtures():
        assert fixture.captured or (fixture.before, fixture.after) not in plain, fixture.name


def test_the_score_of_the_labels_is_perfect_and_of_silence_is_not() -> None:
    perfect = score(lambda fixture: fixture.expected)
    assert (perfect.precision, perfect.recall) == (1.0, 1.0)
    assert score(lambda _: ()).recall == 0.0
    assert score(lambda _: FINDINGS).precision < 0.2
