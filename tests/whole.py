"""Whether a run is of the whole suite. That a right was never used can be told only then, and only
at its end: tests in tests/ledgers run last, and ask `whole`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LEDGERS = TESTS / "ledgers"


@dataclass
class Whole:
    """What this run has of the suite."""

    session: pytest.Session
    files: set[Path] = field(default_factory=set)
    narrowed: bool = False
    """Tests were left out of files."""

    def has(self, *names: str) -> bool:
        """Whether every test of these files and folders was run, and passed."""
        wanted = {path for name in names for path in _files(TESTS / name)}
        return not self.narrowed and wanted <= self.files and not self.session.testsfailed


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("test_*.py"))


_KEY = pytest.StashKey[Whole]()


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_KEY] = Whole(session)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.is_relative_to(LEDGERS))  # stable: the others stay


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[_KEY].narrowed = True


def pytest_collection_finish(session: pytest.Session) -> None:
    whole = session.config.stash[_KEY]
    whole.files = {item.path for item in session.items}
    whole.narrowed |= any("::" in argument for argument in session.config.args)


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> Whole:
    """What this run has of the suite."""
    return pytestconfig.stash[_KEY]
