"""Which servers are spoken to."""

import pytest

from setpoint.api.conditions import Reason
from setpoint.database.postgres.connect import require_supported
from setpoint.engine.failure import Failure


def test_a_server_that_is_too_old() -> None:
    require_supported(130_000)
    require_supported(180_006)
    with pytest.raises(Failure) as caught:
        require_supported(120_022)
    assert caught.value.reason is Reason.UNSUPPORTED
