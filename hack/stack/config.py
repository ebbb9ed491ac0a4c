"""The stack as a whole: which parts, started together, ended in reverse order."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, cast, get_args

from stack import tools
from stack.certs import Authority
from stack.cluster import Cluster
from stack.controlplane import control_plane
from stack.postgres import PostgresServer
from stack.process import StackError, stop_noted
from stack.redis import RedisServer
from stack.stand_in import StandIn

PartName = Literal["controlplane", "postgres", "redis", "aws", "slack"]
ALL_PARTS: tuple[PartName, ...] = get_args(PartName)

_ABORT_POLL_SECONDS = 0.1

# Fetched before anything starts: a build may take minutes, and Ctrl-C must end it.
_TOOLS: dict[PartName, Callable[[], object]] = {
    "controlplane": tools.control_plane,
    "postgres": tools.postgres,
    "redis": tools.redis,
}


class Part(Protocol):
    """What every part of the stack can do."""

    def stop(self) -> None:
        """End its processes."""


class Stack:
    """Parts that run. A context manager: leaving it ends them all.

    A run directory of its own making is removed when the run ended well, else kept for its logs.
    """

    def __init__(self, run_dir: Path, parts: dict[PartName, Part], *, temporary: bool) -> None:
        self.run_dir = run_dir
        self._parts = parts
        self._temporary = temporary

    @classmethod
    def start(
        cls,
        run_dir: Path | None = None,
        parts: Collection[PartName] = ALL_PARTS,
        *,
        keep: bool = False,
    ) -> Self:
        """Start `parts` at the same time, in `run_dir` or in a new temporary directory.

        With `keep` they outlive this process; `python -m stack down DIR` ends them. Raises
        StackError if one does not come up, and then none of them is left.
        """
        fetch_tools(parts)
        directory = make_run_dir(run_dir)
        makers = _makers(directory, keep=keep)
        with ThreadPoolExecutor(len(ALL_PARTS)) as pool:
            futures = {name: pool.submit(makers[name]) for name in ALL_PARTS if name in parts}
            try:
                started = {name: future.result() for name, future in futures.items()}
            except BaseException:
                _abort(directory, futures.values())
                raise
        return cls(directory, started, temporary=run_dir is None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._temporary and kind is None:
            shutil.rmtree(self.run_dir)

    def stop(self) -> None:
        """End every part, the last of ALL_PARTS first."""
        for name in reversed(list(self._parts)):
            self._parts.pop(name).stop()

    @property
    def controlplane(self) -> Cluster:
        """The API server. Raises StackError if this part was not started, as do the others."""
        return cast("Cluster", self._part("controlplane"))

    @property
    def postgres(self) -> PostgresServer:
        """The Postgres server."""
        return cast("PostgresServer", self._part("postgres"))

    @property
    def redis(self) -> RedisServer:
        """The Redis server."""
        return cast("RedisServer", self._part("redis"))

    @property
    def aws(self) -> StandIn:
        """The stand-in for AWS."""
        return cast("StandIn", self._part("aws"))

    @property
    def slack(self) -> StandIn:
        """The stand-in for Slack."""
        return cast("StandIn", self._part("slack"))

    def _part(self, name: PartName) -> Part:
        try:
            return self._parts[name]
        except KeyError:
            raise StackError(f"the stack runs without the part {name!r}") from None


def fetch_tools(parts: Collection[PartName] = ALL_PARTS) -> None:
    """See to it that the programs of `parts` are on this machine. Raises StackError."""
    for name, fetch in _TOOLS.items():
        if name in parts:
            fetch()


def make_run_dir(path: Path | None = None) -> Path:
    """The given directory, made if need be, or a new temporary one with a short name.

    Raises StackError if a stack ran there before: its data would be mixed up with the new one's.
    """
    if path is None:
        return Path(tempfile.mkdtemp(prefix="setpoint-"))
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise StackError(
            f"{path} is not empty: end what runs there with `python -m stack down {path}`, "
            "then remove it, or choose another directory"
        )
    return path.resolve()


def _makers(run_dir: Path, *, keep: bool) -> dict[PartName, Callable[[], Part]]:
    authority = Authority(run_dir / "pki")
    return {
        "controlplane": lambda: control_plane(run_dir, keep=keep),
        "postgres": lambda: PostgresServer(run_dir, authority, keep=keep),
        "redis": lambda: RedisServer(run_dir, authority, keep=keep),
        "aws": lambda: StandIn(run_dir, "aws", keep=keep),
        "slack": lambda: StandIn(run_dir, "slack", keep=keep),
    }


def _abort(run_dir: Path, futures: Collection[Future[Part]]) -> None:
    """End what has started, and the processes of what is being started: so their wait ends too."""
    while wait(futures, timeout=_ABORT_POLL_SECONDS).not_done:
        stop_noted(run_dir)
    for future in futures:
        if future.exception() is None:
            future.result().stop()
