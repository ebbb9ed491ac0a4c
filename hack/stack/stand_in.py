"""The stack's own HTTP servers, which speak AWS's and Slack's protocols, as child processes."""

import sys
from pathlib import Path
from typing import Self

from stack.ports import Port
from stack.probe import answers
from stack.process import Child

_SOURCES = Path(__file__).parent.parent
_READY_SECONDS = 60


class StandIn:
    """`python -m stack.NAME --port N`; ready when GET /_stack/health answers 200."""

    def __init__(self, run_dir: Path, name: str, *, keep: bool = False) -> None:
        self._port = Port()
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._child = Child.start(
            name,
            [sys.executable, "-m", f"stack.{name}", "--port", str(self._port)],
            log_file=run_dir / "logs" / f"{name}.log",
            env={"PYTHONPATH": str(_SOURCES), "PYTHONUNBUFFERED": "1"},
            keep=keep,
        )
        try:
            self._child.wait_ready(
                lambda: answers(f"{self.base_url}/_stack/health"),
                limit=_READY_SECONDS,
                what=f"the stand-in for {name}",
            )
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; what it remembers is gone."""
        self._child.stop()
        self._port.release()
