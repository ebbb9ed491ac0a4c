"""Sizes in GiB from which on IOPS can be chosen, and what gp3 has when nobody chose."""

from typing import Any

STRIPED_IOPS, STRIPED_THROUGHPUT = 12_000, 500
PLAIN_THROUGHPUT, MOST_THROUGHPUT = 125, 4000
# IOPS and MB/s, striped or not
_GP3 = {False: (3000, PLAIN_THROUGHPUT), True: (STRIPED_IOPS, STRIPED_THROUGHPUT)}
_THRESHOLDS = {"oracle": 200, "sqlserver": 0}
_THRESHOLD = 400


def has_iops(engine: str, kind: str, size: int) -> bool:
    """Whether an instance's IOPS can be chosen, and must then go with every change of size."""
    if kind == "gp3":
        return size >= threshold(engine)
    return kind in ("io1", "io2")


def threshold(engine: str) -> int:
    """From this size on gp3 is striped and has its own IOPS."""
    return _THRESHOLDS.get(engine.partition("-")[0], _THRESHOLD)


def show_performance(database: Any) -> None:
    """What DescribeDBInstances says of gp3 when nobody chose it. IOPS, and MB/s."""
    if database.storage_type == "gp3":
        striped = has_iops(database.engine, "gp3", database.allocated_storage)
        iops, throughput = _GP3[striped]
        chosen = striped and (database.iops or 0) >= iops
        database.iops = database.iops if chosen else iops
        database.storage_throughput = max(database.storage_throughput or 0, throughput)
