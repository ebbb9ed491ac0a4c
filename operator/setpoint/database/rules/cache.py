"""Whether the server finds its blocks in memory. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import quote
from setpoint.database.model import Snapshot
from setpoint.database.rules.words import lasting, mebibytes, when
from setpoint.engine.model import Finding

_MIN_BLOCKS = 50_000
"""400 MiB of accesses: of fewer, the share says nothing."""


def cache_hit_ratio(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """By what was read between two looks of our own, if that is enough; else since the reset."""
    itself, window = snapshot.itself, snapshot.window
    if itself is None:
        return
    hit, read = itself.blocks_hit, itself.blocks_read
    since = f"since {when(snapshot.stats_since)}"
    if window is not None and window.blocks_hit + window.blocks_read >= _MIN_BLOCKS:
        hit, read = window.blocks_hit, window.blocks_read
        since = f"in {lasting(window.seconds)}"
    if hit + read < _MIN_BLOCKS or 100 * hit >= analysis.cache_hit_ratio * (hit + read):
        return
    yield Finding(
        id="CacheHitRatio",
        object=quote(snapshot.database),
        severity=Severity.WARNING,
        message="many block reads miss the server's shared buffers",
        evidence=f"{hit / (hit + read):.1%} of {hit + read} block reads {since} were hits, "
        f"shared_buffers {_buffers(snapshot)}",
        remedy="find the statements that read most (SlowStatement, SequentialScans); then consider "
        "more memory. Reads that the operating system's cache serves count as misses too",
        magnitude=read / (hit + read),
        confidence=Confidence.MEDIUM,
    )


def _buffers(snapshot: Snapshot) -> str:
    return mebibytes(snapshot.server.settings.get("shared_buffers", 0) / 8192)
