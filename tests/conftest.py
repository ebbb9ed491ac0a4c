"""The servers of the local stack, one of each for the whole session; what holds at its end."""

from collections.abc import Iterator

import pytest

from stack.cluster import Cluster
from tests.contract.judge import Report, judge
from tests.contract.snapshots import snapshots

pytest_plugins = ["stack.pytest_plugin", "tests.whole"]

_SHOWN = 5
_report = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def controlplane(controlplane: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The API server. At the end, every status that setpoint wrote to it keeps the contract."""
    yield controlplane
    if controlplane.audit_log is None:  # somebody else's cluster
        return
    report = request.config.stash[_report] = judge(snapshots(controlplane))
    assert not report.violations, "\n".join([str(report), *report.violations[:_SHOWN]])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """How many writes of status were judged."""
    if report := config.stash.get(_report, None):
        terminalreporter.write_line(str(report))
