"""What is observed of a cache of ElastiCache. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from setpoint.engine.failure import Failure

PREFIX = "elasticache/"
"""Of what ElastiCache has, as objects of findings and of the plan."""

AVAILABLE = "available"
IN_SYNC, APPLYING, PENDING_REBOOT = "in-sync", "applying", "pending-reboot"
DEFAULT_GROUP = "default."
"""What the names of AWS's own parameter groups begin with; nobody can change those."""

RESERVED = "reserved-memory-percent"

_ENGINES = {"redis": "Redis OSS", "valkey": "Valkey"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a group. `allowed` as AWS has it: `1-64`, `yes,no`, or empty for any."""

    value: str
    allowed: str = ""
    modifiable: bool = True
    needs_reboot: bool = False

    def allows(self, value: str) -> bool:
        """Whether AWS would take a value, as far as it tells."""
        if "," in self.allowed:
            return value in self.allowed.split(",")
        low, dash, high = self.allowed.rpartition("-")
        if not dash or not _is_number(low) or not _is_number(high) or not _is_number(value):
            return True
        return int(low) <= int(value) <= int(high)


@dataclass(frozen=True)
class ParameterGroup:
    """The nodes' parameter group. `node_memory` in bytes by node type, before what is reserved.

    `users` are all caches that have it, by the names that grants know; `ungranted` those of them
    that the resource's namespace may not touch.
    """

    name: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    node_memory: Mapping[str, int] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    ungranted: frozenset[str] = frozenset()

    @property
    def is_default(self) -> bool:
        """Whether it is one of AWS's own."""
        return self.name.startswith(DEFAULT_GROUP)

    @property
    def object(self) -> str:
        """The group as plan and records name it."""
        return f"{PREFIX}parametergroup:{self.name}"

    def value(self, name: str) -> str | None:
        """A parameter's value; None where the group has no such parameter."""
        found = self.parameters.get(name)
        return found.value if found is not None else None


@dataclass(frozen=True)
class Node:
    """A cache cluster of ElastiCache, which has one node. `role` is empty in cluster mode."""

    name: str
    state: str
    type: str
    version: str
    role: str = ""
    parameters: str = IN_SYNC

    @property
    def object(self) -> str:
        """The node as findings name it."""
        return PREFIX + self.name


@dataclass(frozen=True)
class Metrics:
    """The newest datapoints by node (or the serverless cache) and metric, over five minutes each.

    `at`: when they were read. `failure`: why CloudWatch could not be read, where the role is to
    blame.
    """

    nodes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    at: datetime | None = None
    failure: Failure | None = None

    def of(self, node: str, name: str) -> float | None:
        """A datapoint, or None."""
        return self.nodes.get(node, {}).get(name)

    def total(self, name: str) -> float | None:
        """The sum over all nodes, or None where no node has it."""
        found = [values[name] for values in self.nodes.values() if name in values]
        return sum(found) if found else None


@dataclass(frozen=True)
class ElastiCacheObserved:
    """One look. `resource` is its name as grants know it; `failover` AWS's word, or empty.

    `group` is None where there is none (a serverless cache), or it could not be read:
    `group_failure` then says why. `most_bytes` is a serverless cache's own limit.
    """

    arn: str
    resource: str
    state: str
    engine: str
    version: str
    nodes: tuple[Node, ...] = ()
    failover: str = ""
    is_global: bool = False
    group: ParameterGroup | None = None
    group_failure: Failure | None = None
    most_bytes: int | None = None
    metrics: Metrics = Metrics()

    @property
    def name(self) -> str:
        """Its id alone."""
        return self.resource.partition(":")[2]

    @property
    def object(self) -> str:
        """The cache as findings name it."""
        return PREFIX + self.name

    @property
    def is_serverless(self) -> bool:
        """Whether it has neither nodes nor parameters."""
        return self.resource.startswith("serverlesscache:")

    @property
    def product(self) -> str:
        """Engine and version as AWS's pages call them: Redis OSS 7.1, Valkey 8.0."""
        return f"{_ENGINES.get(self.engine, self.engine)} {self.version}".strip()

    @property
    def policy(self) -> str:
        """The eviction policy; empty where it is not known.

        A serverless cache at its limit evicts keys with a TTL by LRU (user guide, "Scaling").
        """
        if self.is_serverless:
            return "volatile-lru"
        return (self.group.value("maxmemory-policy") if self.group else None) or ""

    @property
    def node_type(self) -> str:
        """Type of the nodes."""
        return self.nodes[0].type if self.nodes else ""

    @property
    def memory(self) -> int | None:
        """Bytes of a node, where AWS tells them."""
        return self.group.node_memory.get(self.node_type) if self.group else None

    @property
    def reserved(self) -> int | None:
        """Percent of a node's memory that is not for data."""
        value = (self.group.value(RESERVED) if self.group else None) or ""
        return int(value) if value.isdecimal() else None

    @property
    def busy(self) -> str:
        """Why nothing can be changed right now; empty if it can be."""
        if self.state != AVAILABLE:
            return f"{self.name} is {self.state}"
        for node in self.nodes:
            if node.state != AVAILABLE:
                return f"{node.name} is {node.state}"
            if node.parameters == APPLYING:
                return f"{node.name} still applies the last change of its parameters"
        return ""

    def waiting_for_reboot(self) -> list[str]:
        """Names of the nodes that take some parameters only with a reboot."""
        return [node.name for node in self.nodes if node.parameters == PENDING_REBOOT]


@dataclass(frozen=True)
class Order:
    """One ModifyCacheParameterGroup. `allowed`: other caches that may be changed along."""

    group: str
    values: Mapping[str, str]
    allowed: frozenset[str] = frozenset()


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
