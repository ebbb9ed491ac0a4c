"""The list of cases: each is a function that writes a draft."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.corpus.postgres.draft import Draft
from tests.corpus.postgres.model import Kind

Write = Callable[[Draft], None]


@dataclass(frozen=True)
class Entry:
    """A case that is not written yet."""

    name: str
    kind: Kind
    why: str
    write: Write


class Chapter:
    """The cases of one area, in the order of the source."""

    def __init__(self, area: str) -> None:
        self.area = area
        self.entries: list[Entry] = []

    def problem(self, name: str, why: str) -> Callable[[Write], Write]:
        """Decorates a case with something to find."""
        return self._entry(name, "problem", why)

    def trap(self, name: str, why: str) -> Callable[[Write], Write]:
        """Decorates a case that only looks like one."""
        return self._entry(name, "trap", why)

    def add(self, name: str, kind: Kind, why: str, write: Write) -> None:
        """A case of a list."""
        self.entries.append(Entry(f"{self.area}/{name}", kind, why, write))

    def _entry(self, name: str, kind: Kind, why: str) -> Callable[[Write], Write]:
        def register(write: Write) -> Write:
            self.add(name, kind, why, write)
            return write

        return register
