"""How pages follow each other."""

import pytest

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import next_token
from setpoint.engine.failure import Failure


def test_a_page_names_the_next_one_until_the_last() -> None:
    first = next_token({"NextToken": "b"}, {}, "a list")
    assert first == {"NextToken": "b"}
    assert next_token({"NextToken": "c"}, first, "a list") == {"NextToken": "c"}
    assert next_token({}, first, "a list") is None
    assert next_token({"NextToken": ""}, first, "a list") is None


def test_elasticache_calls_it_a_marker() -> None:
    first = next_token({"Marker": "b"}, {}, "a list")
    assert first == {"Marker": "b"}
    assert next_token({"CacheClusters": []}, first, "a list") is None
    with pytest.raises(Failure, match="a list"):
        next_token({"Marker": "b"}, first, "a list")


def test_a_token_that_comes_again_is_a_failure() -> None:
    with pytest.raises(Failure, match="a list") as caught:
        next_token({"NextToken": "b"}, {"NextToken": "b"}, "a list")
    assert caught.value.reason is Reason.CONNECTION_FAILED
