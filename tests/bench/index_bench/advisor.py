"""setpoint's advisor, in a process of its own, so that the seed of hashes can be chosen."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from setpoint.database.indexes.advise import advise
from setpoint.database.indexes.model import Advice, Limits, Statement
from tests.bench.index_bench.data import Loaded

from setpoint.config import Config
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import from_secret
from setpoint.trust.network import Network

_ROOT = Path(__file__).parents[3]
_LIMIT_SECONDS = 900
_MANY = 1000
"""More indexes than anybody advises: the budget alone decides, as with the other advisors."""


@dataclass(frozen=True)
class Request:
    """A workload, with the time that each of its statements takes in all, and a budget."""

    texts: Sequence[str]
    milliseconds: Sequence[float]
    megabytes: float | None
    budget_s: float = 30.0


@dataclass(frozen=True)
class Answer:
    """What the advisor says; the sizes are its own."""

    ddl: Sequence[str]
    sizes: Sequence[int]
    relative_cost: float
    analysed: int
    not_analysable: Mapping[str, str]
    """Why, by the text."""
    explains: int
    seconds: float
    is_complete: bool

    @property
    def megabytes(self) -> float:
        """By its own model."""
        return sum(self.sizes) / 2**20


def ask(loaded: Loaded, request: Request, hash_seed: int) -> Answer:
    """The advice of a new process with this PYTHONHASHSEED."""
    access = {"uri": loaded.reader_uri(), "ca": loaded.server.ca_file.read_text(encoding="utf-8")}
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.index_bench.advisor"],
        input=json.dumps({**access, **vars(request)}), stdout=subprocess.PIPE, text=True,
        cwd=_ROOT, check=True, timeout=_LIMIT_SECONDS,
        env={**os.environ, "PYTHONPATH": str(_ROOT / "hack"), "PYTHONHASHSEED": str(hash_seed)},
    )  # fmt: skip
    return Answer(**json.loads(result.stdout))


async def _advise(question: Mapping[str, Any]) -> Advice:
    target = from_secret("bench", {"uri": question["uri"], "ca.crt": question["ca"]})
    network = Network(lambda: Config.model_validate({"networks": {"allow": ["127.0.0.0/8"]}}))
    statements = [
        Statement(text, calls=1, total_ms=milliseconds)
        for text, milliseconds in zip(question["texts"], question["milliseconds"], strict=True)
    ]
    megabytes = question["megabytes"]
    limits = Limits(
        max_total_size=None if megabytes is None else int(megabytes * 2**20),
        max_indexes=_MANY,
        max_per_table=_MANY,
        budget_s=question["budget_s"],
    )
    async with connect(target, target.dbname, network) as connection:
        return await advise(connection, statements, limits, now=datetime.now(UTC))


def _main() -> None:
    advice = asyncio.run(_advise(json.load(sys.stdin)))
    answer = Answer(
        ddl=[statement for each in advice.suggestions for statement in each.ddl],
        sizes=[each.size for each in advice.suggestions],
        relative_cost=advice.relative_cost,
        analysed=advice.analysed,
        not_analysable={each.statement.text: each.reason for each in advice.not_analysable},
        explains=advice.explains,
        seconds=advice.seconds,
        is_complete=advice.is_complete,
    )
    json.dump(vars(answer), sys.stdout)


if __name__ == "__main__":
    _main()
