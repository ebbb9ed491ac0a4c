"""Redis' INFO as fields that may be missing: proxies and other servers leave some out. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NUMBER = re.compile(r"-?[0-9]+")
_NO_TOUCH_SINCE, _NO_TOUCH_IN_CLUSTERS_SINCE = (7, 2), (8, 4)


def whole(text: str) -> int:
    """The whole number that a text begins with, 0 where it is none."""
    found = _NUMBER.match(text)
    return int(found[0]) if found else 0


@dataclass(frozen=True)
class Info:
    """One INFO: the text's lines, by name."""

    fields: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the server says anything about it."""
        return bool(self.fields.get(name))

    def text(self, name: str) -> str:
        """A field, empty where it is missing."""
        return self.fields.get(name, "")

    def number(self, name: str) -> int:
        """A whole number, 0 where it is missing or none."""
        return whole(self.fields.get(name, ""))

    def ratio(self, name: str) -> float:
        """A number with a fraction, 0.0 where it is missing or none."""
        try:
            found = float(self.fields.get(name, "").rstrip("%"))
        except ValueError:
            return 0.0
        return found if found == found and abs(found) != float("inf") else 0.0  # noqa: PLR0124

    def entry(self, name: str) -> dict[str, str]:
        """A field of the form `keys=1,expires=0`."""
        pairs = (part.partition("=") for part in self.fields.get(name, "").split(","))
        return {key: value for key, separator, value in pairs if separator}

    def entries(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        """The fields of a family, such as cmdstat_, by what follows the prefix."""
        for name in self.fields:
            if name.startswith(prefix):
                yield name[len(prefix) :], self.entry(name)

    @property
    def version(self) -> tuple[int, ...]:
        """For comparison, (7, 0, 15); Valkey tells the Redis that it is like."""
        parts = self.text("redis_version").split(".")
        return tuple(int(part) for part in parts if part.isdecimal())

    @property
    def is_cluster(self) -> bool:
        """Whether it is a server of a cluster."""
        return self.text("redis_mode") == "cluster" or self.text("cluster_enabled") == "1"

    @property
    def may_no_touch(self) -> bool:
        """Whether CLIENT NO-TOUCH is there, and harmless.

        Servers of clusters crash on any command of such a connection about a key of a slot that
        moves, until 8.4 (github.com/redis/redis/pull/14415; 8.2.3 does). Which Valkey does is not
        told: it always says that it is like 7.2.
        """
        return self.version >= (_NO_TOUCH_IN_CLUSTERS_SINCE if self.is_cluster else _NO_TOUCH_SINCE)

    @property
    def keyspace(self) -> dict[int, tuple[int, int]]:
        """Database → (keys, keys with a TTL)."""
        found = {}
        for name, entry in self.entries("db"):
            if name.isdecimal() and "keys" in entry:
                keys, expires = entry.get("keys", "0"), entry.get("expires", "0")
                if keys.isdecimal() and expires.isdecimal():
                    found[int(name)] = (int(keys), int(expires))
        return found

    @property
    def keys(self) -> int:
        """Keys in all databases."""
        return sum(keys for keys, _ in self.keyspace.values())

    @property
    def volatile_keys(self) -> int:
        """Keys with a TTL in all databases."""
        return sum(volatile for _, volatile in self.keyspace.values())

    @property
    def unlimited_keys(self) -> int:
        """Keys that stay for ever: neither they nor their fields have a TTL."""
        fading = sum(self.fading_hashes(database) for database in self.keyspace)
        return max(0, self.keys - self.volatile_keys - fading)

    def fading_hashes(self, database: int) -> int:
        """Hashes of a database whose fields have TTLs (7.4)."""
        return whole(self.entry(f"db{database}").get("subexpiry", ""))

    @property
    def policy(self) -> str:
        """The eviction policy, empty where the server does not say."""
        return self.text("maxmemory_policy")

    @property
    def is_replica(self) -> bool:
        """Whether it follows a primary."""
        return self.text("role") in ("slave", "replica")


def parse(text: str) -> Info:
    """INFO's text: `name:value` a line, sections and blank lines passed over."""
    fields = {}
    for line in text.splitlines():
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            fields[name.strip()] = value.strip()
    return Info(fields)
