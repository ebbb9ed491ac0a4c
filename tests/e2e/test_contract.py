"""The status contract over a random walk; `make contract` is the long form."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from stack.operator import OperatorProcess
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from tests.contract.drive import Driver, Enough, Parts
from tests.contract.judge import judge
from tests.e2e.conftest import Space

SEED = 8
WRITES, DISTINCT, SECONDS = 100, 40, 60


@pytest.fixture
def caches(run_dir: Path, authority: Any) -> Iterator[Sequence[RedisServer]]:
    with RedisServer(run_dir, authority, name="redis-driven") as server:
        yield [server]


def test_whatever_happens_the_contract_is_kept(
    space: Space,
    operator: OperatorProcess,
    postgres: PostgresServer,
    caches: Sequence[RedisServer],
) -> None:
    print(f"seed {SEED}")
    parts = Parts(space.cluster, space.aws, postgres, caches, operator)
    driver = Driver(parts, space.name, SEED, each=3)
    driver.prepare()
    driver.run(Enough(driver, WRITES, DISTINCT, SECONDS, every=5), pause=0.02)

    report = judge(driver.found())

    print(report, dict(driver.counts))
    assert report.violations == []
    assert report.distinct >= DISTINCT / 2
