"""Names that need care, and how Postgres writes them."""

import random
import re
from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

_WORDS = (
    "orders", "items", "events", "invoices", "payments", "visits", "carts", "parcels", "claims",
    "readings", "tickets", "grants", "notes", "routes", "meters", "leases",
)  # fmt: skip
_LETTERS = ("заказы", "größe", "注文", "παραγγελία", "naïve")
_RESERVED = ("select", "user", "order", "table", "group", "between", "primary", "end", "check")
FLAVOURS = (
    "upper", "dotted", "unicode", "emoji", "sql", "newline", "reserved", "long", "digit", "space",
    "quote", "percent", "apostrophe", "backslash", "dollar",
)  # fmt: skip
_PLAIN_SHARE = 0.5
_MAX_BYTES = 63


def ident(name: str) -> str:
    """An identifier for statements, quoted always."""
    return sql.Identifier(name).as_string()


def literal(text: str) -> str:
    """A string for statements."""
    return sql.Literal(text).as_string()


@dataclass(frozen=True)
class Quoter:
    """Writes names as `quote_ident` does: quoted only where SQL needs it."""

    keywords: Collection[str]
    """All but the unreserved ones, from `pg_get_keywords()`."""

    def __call__(self, *names: str) -> str:
        return ".".join(self._one(name) for name in names)

    def _one(self, name: str) -> str:
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in self.keywords
        return name if plain else '"' + name.replace('"', '""') + '"'


class Namer:
    """Names no other object of the corpus has, whatever their flavour."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._number = 0
        self._reserved = list(_RESERVED)
        rng.shuffle(self._reserved)

    def __call__(self, flavour: str | None = None, word: str | None = None) -> str:
        self._number += 1
        if flavour is None:
            is_plain = self._rng.random() < _PLAIN_SHARE
            flavour = "plain" if is_plain else self._rng.choice(FLAVOURS)
        return self._made(flavour, word or self._rng.choice(_WORDS), self._number)

    def _made(self, flavour: str, word: str, number: int) -> str:
        if flavour == "reserved" and self._reserved:
            return self._reserved.pop()
        if flavour == "long":
            return f"{word}_{number}_".ljust(_MAX_BYTES, "x")
        if flavour == "unicode":
            return f"{self._rng.choice(_LETTERS)}_{number}"
        return {
            "upper": f"{word.title()}{number}",
            "dotted": f"{word.title()}.Items.{number}",
            "emoji": f"{word}🛒{number}",
            "sql": f'{word}{number}"; DROP TABLE {word}; --',
            "newline": f"{word}\n{number}",
            "digit": f"{number}_{word}",
            "space": f"{word} {number}",
            "quote": f'{word}"{number}',
            "percent": f"{word}%s{number}%(x)s{{}}",
            "apostrophe": f"{word}'{number}",
            "backslash": f"{word}\\{number}",
            "dollar": f"{word}${number}",
        }.get(flavour, f"{word}_{number}")
