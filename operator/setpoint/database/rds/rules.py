"""What RDS says about itself, as findings. Pure.

Each rule is a function of what was observed; numbers are percent of what the class or the storage
has. Thresholds after RDS's user guide, "Best practices" and "Storage autoscaling".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from setpoint.api.findings import Severity
from setpoint.api.rds import RDS
from setpoint.database.rds import forecast, hardware, pending, storage
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.metrics import DAYS
from setpoint.database.rds.model import CLASS, MAX_STORAGE, STORAGE, RDSObserved, Series
from setpoint.engine.model import Finding, Sample

GIB = hardware.GIB
_FULL = "storage-full"
_STUCK = frozenset(
    {"failed", "restore-error", "incompatible-network", "incompatible-parameters",
     "incompatible-option-group", "incompatible-restore", "incompatible-credentials",
     "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable",
     "insufficient-capacity", "unsupported-configuration"}
)  # fmt: skip
_DAYS_FROM = 6 * 24  # of the 7 · 24
_RECENT, _OF_DAYS = timedelta(hours=1), timedelta(days=1)
"""Beyond this age of its newest datapoint, a series tells nothing about now."""

OF_METRICS = frozenset(
    {"FreeStorageLow", "CPUCreditsLow", "BurstBalanceLow", "RDSConnectionsHigh",
     "FreeableMemoryLow", "InstanceOversized", "InstanceUndersized"}
)  # fmt: skip
"""Findings that CloudWatch's numbers lead to: without them, nothing is known of these."""

_SEVERITY = {True: Severity.CRITICAL, False: Severity.WARNING}


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    spec: RDS
    observed: RDSObserved
    memory: RDSMemory
    now: datetime

    def last(self, name: str) -> float | None:
        """The newest value of a metric of the last minutes; None if it is old by now."""
        values = self.observed.metrics.recent.get(name, Series()).values
        return values[-1][1] if values and self.now - values[-1][0] <= _RECENT else None

    def series(self, name: str) -> Series:
        """A metric's hourly values of the last days; empty if they are old by now."""
        found = self.observed.metrics.days.get(name, Series())
        is_old = not found.values or self.now - found.values[-1][0] > _OF_DAYS
        return Series() if is_old else found

    def days(self, name: str) -> list[float]:
        """The same without times, since the class runs that runs now."""
        since = self.memory.class_since
        return [v for at, v in self.series(name).values if since is None or at >= since]

    def rises(self, name: str) -> bool:
        """Whether a metric has risen over the last minutes."""
        numbers = self.observed.metrics.recent.get(name, Series()).numbers
        return len(numbers) > 1 and numbers[-1] > numbers[0]

    @property
    def scarce(self) -> float:
        """The share of the class's memory below which little is left."""
        return 0.1 if self.observed.engine == "postgres" else 0.05

    @property
    def class_name(self) -> str:
        """The class that runs."""
        return str(self.observed.current.get(CLASS, ""))


def findings(facts: Facts) -> list[Finding]:
    """All findings about the instance."""
    return [finding for rule in RULES if (finding := rule(facts)) is not None]


def _storage_full(facts: Facts) -> Finding | None:
    observed = facts.observed
    if observed.state != _FULL:
        return None
    fired = pending.would_interrupt(observed, {STORAGE: 0})
    text = pending.listed(observed, fired)
    also = f"; growing it applies what is pending too: {text}" if fired else ""
    size = observed.current.get(STORAGE)
    wanted = facts.spec.allocated_storage
    return _finding(
        observed, "StorageFull", Severity.CRITICAL,
        "the storage is full, and the database may take no writes" + also,
        f"state storage-full with {size} GiB",
        "raise spec.rds.allocatedStorage" if wanted is None or wanted <= observed.size
        else "setpoint grows it; watch it come back",
    )  # fmt: skip


def _stuck(facts: Facts) -> Finding | None:
    observed = facts.observed
    if observed.state not in _STUCK:
        return None
    return _finding(
        observed, "InstanceNeedsAttention", Severity.CRITICAL,
        f"the instance is {observed.state}, and does not get out of it by itself",
        f"DBInstanceStatus {observed.state}",
        "see the instance's events in RDS; nothing can be changed before it is available",
    )  # fmt: skip


def _free_storage(facts: Facts) -> Finding | None:
    """Below 10 %, or full within a week. Where autoscaling has room, only what it is late for."""
    observed, free = facts.observed, facts.last("free_storage")
    size = int(observed.current.get(STORAGE, 0))
    if free is None or not size or _is_aurora(observed) or observed.state == _FULL:
        return None
    share = 100 * free / (size * GIB)
    series, autoscales = facts.series("free_storage"), _autoscales(observed)
    ends = forecast.full(series, size * GIB, autoscales=autoscales)
    left = None if ends is None else ends.hours
    grows = autoscales and not _near_limit(observed)
    if grows and share >= 5:
        return None
    soon = left is not None and left < 7 * 24
    if share >= 10 and not soon:
        return None
    outlook = ""
    if ends is not None and ends.hours < 60 * 24:
        over = _span(ends.over.total_seconds() / 3600)
        outlook = f"; full in about {_span(ends.hours)} at the pace of the last {over}"
    return _finding(
        observed, "FreeStorageLow", _SEVERITY[share < 5 or (left is not None and left < 24)],
        "the storage runs full",
        f"{free / GIB:.1f} of {size} GiB free ({share:.0f} %){outlook}",
        "raise the storage of the cluster" if observed.in_cluster
        else "raise spec.rds.allocatedStorage, or let RDS grow it: spec.rds.maxAllocatedStorage",
        magnitude=100 / max(share, 0.1),
    )  # fmt: skip


def _autoscaling(facts: Facts) -> Finding | None:
    observed = facts.observed
    if observed.in_cluster or not _autoscales(observed) or not _near_limit(observed):
        return None
    size, limit = int(observed.current.get(STORAGE, 0)), observed.limit
    return _finding(
        observed, "StorageAutoscalingNearLimit", Severity.WARNING,
        "RDS cannot grow the storage by itself any more: its next step would reach the limit",
        f"{size} GiB, limit {limit} GiB",
        f"raise spec.rds.maxAllocatedStorage to {-(-size * 126 // 100)}Gi or more",
        magnitude=size,
        steady=True,
    )  # fmt: skip


def _credits(facts: Facts) -> Finding | None:
    """t2 is throttled without credits. Every later class is in RDS's unlimited mode, begins with
    none when it is new, and is billed only if it uses more than it earns."""
    balance, most = facts.last("credits"), hardware.most_credits(facts.class_name)
    if balance is None or not most or balance >= most / 10:
        return None
    is_throttled = facts.class_name.startswith("db.t2.")
    if not is_throttled and facts.rises("credits"):
        return None
    what = "is about to be throttled" if is_throttled else "is about to be billed for more CPU"
    return _finding(
        facts.observed, "CPUCreditsLow", _SEVERITY[is_throttled and balance < most / 20],
        f"{facts.class_name} has used up its CPU credits and {what}",
        f"{balance:.0f} of {most} credits left",
        "find what uses the CPU, or choose a larger or a not burstable spec.rds.instanceClass",
        magnitude=most / max(balance, 1.0),
    )  # fmt: skip


def _burst(facts: Facts) -> Finding | None:
    """The worst of the balances that there are."""
    known = {"BurstBalance": facts.last("burst"), "EBSIOBalance%": facts.last("ebs_io"),
             "EBSByteBalance%": facts.last("ebs_bytes")}  # fmt: skip
    name, value = min(
        ((name, value) for name, value in known.items() if value is not None),
        key=lambda pair: pair[1],
        default=("", 100.0),
    )
    if value >= 20:
        return None
    of_volume = name == "BurstBalance"
    return _finding(
        facts.observed, "BurstBalanceLow", _SEVERITY[value < 5],
        "the credits for I/O are nearly used up: at 0 the disk is slowed to its baseline",
        f"{name} {value:.0f} %",
        "set spec.rds.storageType gp3, or more storage" if of_volume
        else "choose a larger spec.rds.instanceClass: its own limit to the disks is reached",
        magnitude=100 / max(value, 1.0),
    )  # fmt: skip


def _connections(facts: Facts) -> Finding | None:
    """Against what RDS's own parameter groups allow; with others the limit is not known here."""
    observed, used = facts.observed, facts.last("connections")
    most = hardware.most_connections(facts.class_name, observed.engine)
    if used is None or not most or not observed.default_parameters or used < most * 0.8:
        return None
    return _finding(
        observed, "RDSConnectionsHigh", _SEVERITY[used >= most * 0.95],
        "the connections are nearly used up: new ones will be refused",
        f"{used:.0f} of about {most} (RDS's default for {facts.class_name})",
        "look for connections that are not given back, put a pooler such as RDS Proxy before the "
        "database, or choose a larger spec.rds.instanceClass",
        magnitude=used,
    )  # fmt: skip


def _freeable_memory(facts: Facts) -> Finding | None:
    """Postgres leaves the cache to the system, which counts as freeable; the others take most of
    the memory for themselves by RDS's defaults (MySQL's buffer pool three quarters)."""
    free, size = facts.last("freeable_memory"), hardware.memory(facts.class_name)
    if free is None or not size or free >= size * facts.scarce:
        return None
    return _finding(
        facts.observed, "FreeableMemoryLow", _SEVERITY[free < size * facts.scarce / 2],
        "the instance has hardly any memory left: it will swap, or end the database",
        f"{free / GIB:.2f} of {size / GIB:.0f} GiB freeable ({100 * free / size:.0f} %)",
        "lower the memory settings or the number of connections, or choose a larger "
        "spec.rds.instanceClass",
        magnitude=size / max(free, 1.0),
    )  # fmt: skip


def _oversized(facts: Facts) -> Finding | None:
    """One size down has half of everything, and must hold what the last week asked for."""
    cpu, memory = facts.days("cpu_p95"), facts.days("freeable_memory")
    size = hardware.memory(facts.class_name)
    if min(len(cpu), len(memory)) < _DAYS_FROM or not size:
        return None
    if not hardware.has_smaller(facts.class_name):
        return None
    busiest, least = _percentile(cpu, 95), min(memory)
    if busiest >= 40 or least < size * 0.6 or _needs_credits(facts) or _is_crowded(facts):
        return None
    source = facts.observed.source
    standby = f"; it is a replica of {source}, and may have to take its place" if source else ""
    return _finding(
        facts.observed, "InstanceOversized", Severity.INFO,
        f"{facts.class_name} has been too large for {DAYS.days} days: half of it would do",
        f"CPU (95th percentile) {busiest:.0f} %, freeable memory never below "
        f"{100 * least / size:.0f} %, in {len(cpu)} hours",
        "choose the next smaller size of spec.rds.instanceClass, in a window: it restarts; see "
        f"first that its limits to disks and network, half as high too, hold the load{standby}",
        magnitude=100 / max(busiest, 1.0),
    )  # fmt: skip


def _undersized(facts: Facts) -> Finding | None:
    """Short of CPU or of memory in more than a twentieth of the last week's hours."""
    cpu, memory = facts.days("cpu"), facts.days("freeable_memory")
    size = hardware.memory(facts.class_name)
    parts = []
    if len(cpu) >= _DAYS_FROM and (busiest := _percentile(cpu, 95)) > 80:
        parts.append(f"CPU (hourly mean, 95th percentile) {busiest:.0f} %")
    if (
        len(memory) >= _DAYS_FROM
        and size
        and (least := _percentile(memory, 5)) < size * facts.scarce / 2
    ):
        parts.append(f"freeable memory (5th percentile) {100 * least / size:.0f} %")
    if not parts:
        return None
    return _finding(
        facts.observed, "InstanceUndersized", Severity.WARNING,
        f"{facts.class_name} has been too small over the last {DAYS.days} days",
        f"{', '.join(parts)}, in {max(len(cpu), len(memory))} hours",
        "find the statements that cost most, or choose the next larger spec.rds.instanceClass",
        magnitude=len(parts),
    )  # fmt: skip


def _foreign(facts: Facts) -> Finding | None:
    observed = facts.observed
    wanted: Mapping[str, Any] = facts.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    names = pending.foreign(
        observed, facts.memory, {name: str(value) for name, value in wanted.items()}
    )
    if not names:
        return None
    costly = [name for name in names if pending.costs_downtime(observed, name)]
    also = ": it costs downtime, and holds back what would be applied at once" if costly else ""
    return _finding(
        observed, "PendingForeignChange", Severity.WARNING if costly else Severity.INFO,
        f"somebody else has left a change for RDS's maintenance window{also}",
        f"{pending.listed(observed, names)}, {pending.opens(observed)} UTC",
        "wait for that window, or take the change back in RDS",
        magnitude=len(names),
        steady=True,
    )  # fmt: skip


def _breaker(facts: Facts) -> Finding | None:
    sent, most = facts.memory.today(facts.now), facts.spec.max_modifications_per_day
    if len(sent) < most:
        return None
    names = sorted({name for entry in sent for name in entry.values})
    return _finding(
        facts.observed, "ModificationBudgetUsed", Severity.WARNING,
        f"setpoint has modified the instance {most} times in 24 hours, and stops for now",
        f"changed: {', '.join(names)}",
        "see who sets it back (status.rds.modifications has the times), or raise "
        "spec.rds.maxModificationsPerDay",
        steady=True,
    )  # fmt: skip


def _unseen(facts: Facts) -> Finding | None:
    failure = facts.observed.metrics.failure
    if failure is None:
        return None
    return _finding(
        facts.observed, "RDSMetricsUnavailable", Severity.INFO,
        "the instance's metrics cannot be read: storage, memory, CPU and connections are not "
        "looked at",
        f"{failure.reason}: {failure.message}",
        "allow the role cloudwatch:GetMetricData",
        steady=True,
    )  # fmt: skip


def samples(observed: RDSObserved) -> list[Sample]:
    """What alerts are about: an instance without storage, for which the rules make an exception."""
    is_full = observed.state == _FULL
    state, full = observed.state, float(is_full)
    return [Sample("storageFull", full, 0.5, state, "available", finding="StorageFull")]


RULES: Sequence[Callable[[Facts], Finding | None]] = (
    _storage_full, _stuck, _free_storage, _autoscaling, _credits, _burst, _connections,
    _freeable_memory, _oversized, _undersized, _foreign, _breaker, _unseen,
)  # fmt: skip


def _finding(
    observed: RDSObserved,
    name: str,
    severity: Severity,
    message: str,
    evidence: str,
    remedy: str,
    *,
    magnitude: float = 1.0,
    steady: bool = False,
) -> Finding:
    return Finding(
        id=name,
        object=observed.name,
        severity=severity,
        message=message,
        evidence=evidence,
        remedy=remedy,
        magnitude=magnitude,
        steady=steady,
    )


def _is_aurora(observed: RDSObserved) -> bool:
    """Its volume is the cluster's, and grows by itself."""
    return observed.in_cluster and not observed.is_of_multi_az_cluster


def _autoscales(observed: RDSObserved) -> bool:
    return observed.limit > int(observed.current.get(STORAGE, 0))


def _near_limit(observed: RDSObserved) -> bool:
    """RDS's next step: 10 GiB or 10 %, the larger; it must stay below the limit."""
    size = int(observed.current.get(STORAGE, 0))
    limit = int(observed.effective(MAX_STORAGE) or 0)
    return size + max(10, storage.grown(size) - size) >= limit


def _needs_credits(facts: Facts) -> bool:
    """A burstable class whose savings a week has used: its CPU share says nothing alone."""
    most = hardware.most_credits(facts.class_name)
    if most is None:
        return False
    saved = facts.days("credits")
    return not saved or min(saved) < most / 2


def _is_crowded(facts: Facts) -> bool:
    most = hardware.most_connections(facts.class_name, facts.observed.engine)
    return most is not None and max(facts.days("connections"), default=0.0) > most * 0.4


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _span(hours: float) -> str:
    """Coarse, so that the text stays the same for a while."""
    whole = timedelta(hours=hours)
    return f"{max(1, round(hours))} h" if whole < timedelta(days=2) else f"{round(hours / 24)} days"
