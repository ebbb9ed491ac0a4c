"""The whole suite as two runs side by side: what waits in one leaves its core to the other.

Each has servers of its own and ends with the ledgers; what one does not have, the other has, as the
second is all but the first. Their progress is shown as it comes; their reports at the end, a failed
one last.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from stack.process import tied_to_parent

ROOT = Path(__file__).parents[1]
PYTEST = Path(sys.executable).with_name("pytest")
FIRST = (
    "tests/e2e",
    "tests/ha",
    "tests/integration/crds",
    "tests/integration/docs",
    "tests/integration/packaging",
    "tests/integration/telemetry",
    "tests/unit",
)
"""What asks the Kubernetes API, and the unit tests, so that both take equally long. All that a
ledger asks for must be in one half."""

HALVES: dict[str, list[str]] = {
    "first": [*FIRST, "tests/ledgers"],
    "second": ["tests", *(f"--ignore={folder}" for folder in FIRST)],
}


@dataclass
class Half:
    """A run of pytest; `report` is what it printed after its progress."""

    name: str
    process: subprocess.Popen[str]
    report: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, name: str, arguments: list[str]) -> "Half":
        """In the background; it dies with this process."""
        color = "yes" if sys.stdout.isatty() else "no"
        options = ["--no-header", f"--color={color}", "-o", f"cache_dir=.pytest_cache/{name}"]
        process = subprocess.Popen(
            tied_to_parent([PYTEST, *options, *arguments]), cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return cls(name, process)

    def follow(self) -> int:
        """Show its progress, keep its report; its status at its end."""
        for line in self._progress():
            print(line, end="", flush=True)
        return self.process.wait()

    def _progress(self) -> Iterator[str]:
        assert self.process.stdout is not None  # noqa: S101 - for mypy
        for line in self.process.stdout:
            if "====" in line and "test session starts" in line:
                continue
            if self.report or "====" in line:
                self.report.append(line)
            else:
                yield line


def main() -> int:
    """Run both; 0 if both passed."""
    if "SETPOINT_KUBECONFIG" in os.environ:  # one cluster cannot have two operators of one name
        return subprocess.run([PYTEST], cwd=ROOT, check=False).returncode
    started = time.monotonic()
    halves = [Half.start(name, arguments) for name, arguments in HALVES.items()]
    with ThreadPoolExecutor(len(halves)) as pool:
        statuses = list(pool.map(Half.follow, halves))
    ended = sorted(zip(halves, statuses, strict=True), key=lambda one: one[1] != 0)
    for half, _ in ended:
        print(f"\n--- {half.name} half: {' '.join(HALVES[half.name])}")
        print("".join(half.report), end="")
    failed = [f"the {half.name} half (status {status})" for half, status in ended if status]
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(
        f"\n{' and '.join(failed) + ' failed' if failed else 'passed'}, {minutes} min {seconds} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
