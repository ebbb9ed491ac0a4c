"""Settings far from what the machine's size suggests; reported only. Pure.

The proportions are those of the documentation (19.4) and of the usual calculators: shared_buffers a
quarter of the memory, effective_cache_size three quarters. Postgres does not tell how much memory
its machine has: spec.postgres.memory does.
"""

from collections.abc import Iterable, Mapping

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.model import PAGE_BYTES, Snapshot
from setpoint.engine.model import Finding

SETTINGS = frozenset(
    {
        "autovacuum", "autovacuum_analyze_scale_factor", "autovacuum_analyze_threshold",
        "autovacuum_freeze_max_age", "autovacuum_multixact_freeze_max_age",
        "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_insert_threshold",
        "autovacuum_vacuum_max_threshold", "autovacuum_vacuum_scale_factor",
        "autovacuum_vacuum_threshold", "effective_cache_size", "maintenance_work_mem",
        "max_connections", "reserved_connections",
        "shared_buffers", "superuser_reserved_connections", "track_counts", "work_mem",
    }
)  # fmt: skip
"""Those that some rule reads."""

_GIB = 1024**3
_DEFAULT_BUFFERS = 128 * 1024**2
_MUCH_DATA = 10 * _GIB
_FAR = 16
_LITTLE = 16 * 1024**2
_WORK_REMEDY = "lower work_mem or max_connections, and raise work_mem for single sessions"


def settings(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """By the machine's memory, where it is known; else by shared_buffers, a quarter of it."""
    values = snapshot.server.settings
    if "shared_buffers" not in values:
        return
    if (memory := values.get("maintenance_work_mem", _LITTLE)) < _LITTLE:
        yield _finding(
            "maintenance_work_mem",
            "maintenance_work_mem is tiny: every VACUUM and every build of an index crawls",
            f"maintenance_work_mem {_size(memory)}",
            "set it to a sixteenth of the machine's memory, 1 GiB at most: few sessions use it at "
            "a time",
        )
    if snapshot.memory is not None:
        yield from _by_memory(values, snapshot.memory * _GIB)
    else:
        yield from _by_buffers(values, sum(table.pages for table in snapshot.tables) * PAGE_BYTES)


def _by_buffers(values: Mapping[str, float], data: int) -> Iterable[Finding]:
    buffers, cache = values["shared_buffers"], values.get("effective_cache_size", 0)
    if cache < buffers:
        yield _finding(
            "effective_cache_size",
            "the planner is told of less cache than the server has",
            f"effective_cache_size {_size(cache)}, shared_buffers {_size(buffers)}",
            "set it to about three quarters of the machine's memory",
        )
    if buffers <= _DEFAULT_BUFFERS and data >= _MUCH_DATA:
        yield _finding(
            "shared_buffers",
            "shared_buffers are those of a new installation, for a large database",
            f"shared_buffers {_size(buffers)}, tables of {_size(data)}",
            "set shared_buffers to about a quarter of the memory; it takes a restart",
            steady=False,
        )
    if (most := _work(values)) > _FAR * max(buffers, _DEFAULT_BUFFERS):
        yield _finding(
            "work_mem",
            "work_mem times the connections is far more than a machine with these shared_buffers "
            "is likely to have",
            f"{_work_evidence(values)}: {_size(most)}, shared_buffers {_size(buffers)}",
            _WORK_REMEDY,
        )


def _by_memory(values: Mapping[str, float], memory: int) -> Iterable[Finding]:
    buffers = values["shared_buffers"]
    if not memory * 0.1 <= buffers <= memory * 0.5:
        yield _finding(
            "shared_buffers",
            "shared_buffers are far from a quarter of the machine's memory",
            f"shared_buffers {_size(buffers)} of {_size(memory)}",
            "set shared_buffers to about a quarter of the memory; it takes a restart",
        )
    cache = values.get("effective_cache_size", 0)
    if not memory * 0.3 <= cache <= memory:
        yield _finding(
            "effective_cache_size",
            "effective_cache_size is far from three quarters of the machine's memory",
            f"effective_cache_size {_size(cache)} of {_size(memory)}",
            "set effective_cache_size to about three quarters of the memory",
        )
    if (most := _work(values)) > memory:
        yield _finding(
            "work_mem",
            "work_mem times the connections is more than the machine has: the server may be killed",
            f"{_work_evidence(values)}: {_size(most)} of {_size(memory)}",
            _WORK_REMEDY,
            Severity.WARNING,
        )


def _work(values: Mapping[str, float]) -> float:
    return values.get("work_mem", 0) * values.get("max_connections", 0)


def _work_evidence(values: Mapping[str, float]) -> str:
    return (
        f"work_mem {_size(values.get('work_mem', 0))}, "
        f"max_connections {values.get('max_connections', 0):.0f}"
    )


def _finding(
    name: str,
    message: str,
    evidence: str,
    remedy: str,
    severity: Severity = Severity.INFO,
    *,
    steady: bool = True,
) -> Finding:
    return Finding(
        id="Setting",
        object=name,
        severity=severity,
        message=message,
        evidence=evidence,
        remedy=remedy,
        confidence=Confidence.MEDIUM,
        steady=steady,
    )


def _size(value: float) -> str:
    return f"{value / _GIB:.1f} GiB" if value >= _GIB else f"{value / 1024**2:.0f} MiB"
