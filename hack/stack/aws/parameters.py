"""The parameters of Redis and Valkey families that ElastiCache has, as far as anything here asks.

After ElastiCache's user guide, "Valkey and Redis OSS parameters"; not the whole list.
"""

from dataclasses import dataclass

_POLICIES = ("volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,"
             "volatile-ttl,noeviction")  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """One parameter. `allowed`: values with commas, a range with a dash, or empty for any."""

    default: str
    type: str
    allowed: str
    modifiable: bool = True
    reboot: bool = False

    def allows(self, value: str) -> bool:
        """Whether a group may hold a value."""
        if self.type == "integer":
            low, high = self.allowed.rsplit("-", 1)
            return value.lstrip("-").isdecimal() and int(low) <= int(value) <= int(high)
        return not self.allowed or value in self.allowed.split(",")


PARAMETERS = {
    "activedefrag": Parameter("no", "string", "yes,no"),
    "active-defrag-cycle-max": Parameter("75", "integer", "1-75"),
    "active-defrag-cycle-min": Parameter("5", "integer", "1-75"),
    "active-expire-effort": Parameter("1", "integer", "1-10"),
    "appendonly": Parameter("no", "string", "yes,no", modifiable=False),
    "client-query-buffer-limit": Parameter("1073741824", "integer", "1048576-1073741824"),
    "close-on-slave-write": Parameter("yes", "string", "yes,no"),
    "cluster-enabled": Parameter("no", "string", "yes,no", modifiable=False),
    "databases": Parameter("16", "integer", "1-1200000", reboot=True),
    "hash-max-listpack-entries": Parameter("512", "integer", "0-2147483647"),
    "hash-max-listpack-value": Parameter("64", "integer", "0-2147483647"),
    "lazyfree-lazy-eviction": Parameter("no", "string", "yes,no"),
    "lazyfree-lazy-expire": Parameter("no", "string", "yes,no"),
    "lazyfree-lazy-server-del": Parameter("no", "string", "yes,no"),
    "lazyfree-lazy-user-del": Parameter("no", "string", "yes,no"),
    "lfu-decay-time": Parameter("1", "integer", "0-2147483647"),
    "lfu-log-factor": Parameter("10", "integer", "0-2147483647"),
    "maxclients": Parameter("65000", "integer", "1-65000", modifiable=False),
    "maxmemory-policy": Parameter("volatile-lru", "string", _POLICIES),
    "maxmemory-samples": Parameter("3", "integer", "1-2147483647"),
    "notify-keyspace-events": Parameter("", "string", ""),
    "reserved-memory-percent": Parameter("25", "integer", "0-100"),
    "slowlog-log-slower-than": Parameter("10000", "integer", "-1-2147483647"),
    "slowlog-max-len": Parameter("128", "integer", "0-2147483647"),
    "tcp-keepalive": Parameter("300", "integer", "0-2147483647"),
    "timeout": Parameter("0", "integer", "0-2147483647"),
}

MAXMEMORY = {
    "cache.t4g.micro": "536870912",
    "cache.t4g.small": "1471026299",
    "cache.t4g.medium": "3317862236",
    "cache.m7g.large": "6854542746",
    "cache.r7g.large": "14037181030",
    "cache.r7g.xlarge": "28261849702",
}
"""Bytes of some node types, after the user guide's "Redis OSS node-type specific parameters"."""
