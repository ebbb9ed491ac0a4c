"""setpoint's advisor, in a process of its own, so that the seed of hashes can be chosen."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.index_bench.data import Loaded

from setpoint.config import Config
from setpoint.database.indexes.advise import advise
from setpoint.database.indexes.model import Advice, Limits, Statement
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
    budget_s: float = 600.0
    """More than is allowed: what ends the search is to be its own work, on a busy machine too."""


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
    processor_seconds: float
    """Of the advisor and of its server process: on a busy machine they say more."""
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


async def _advise(question: Mapping[str, Any]) -> tuple[Advice, float]:
    """The advice, and the seconds of processors that it took."""
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
        server = connection.info.backend_pid
        before = _processor_seconds(server)
        advice = await advise(connection, statements, limits, now=datetime.now(UTC))
        return advice, _processor_seconds(server) - before


def _processor_seconds(server: int) -> float:
    """Of this process and of its server's."""
    return time.process_time() + _of_process(server)


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _main() -> None:
    advice, processor_seconds = asyncio.run(_advise(json.load(sys.stdin)))
    answer = Answer(
        ddl=[statement for each in advice.suggestions for statement in each.ddl],
        sizes=[each.size for each in advice.suggestions],
        relative_cost=advice.relative_cost,
        analysed=advice.analysed,
        not_analysable={each.statement.text: each.reason for each in advice.not_analysable},
        explains=advice.explains,
        seconds=advice.seconds,
        processor_seconds=processor_seconds,
        is_complete=advice.is_complete,
    )
    json.dump(vars(answer), sys.stdout)


if __name__ == "__main__":
    _main()
