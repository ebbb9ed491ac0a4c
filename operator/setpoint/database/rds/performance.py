"""Which IOPS RDS wants to be told together with a new size. Pure.

RDS's reference of ModifyDBInstance: AllocatedStorage and Iops go together for io1, io2 and gp3
(the value in force is allowed), but gp3 below a size that depends on the engine takes no Iops. From
that size on the volume is striped and has at least 12,000 (RDS's user guide, "gp3 storage").
"""

from setpoint.database.rds.model import RDSObserved

STRIPED_IOPS = 12_000
_STRIPED_FROM = {"oracle": 200, "sqlserver": None}  # GiB
_OTHERS_FROM = 400


def performance(observed: RDSObserved, size: int) -> dict[str, int]:
    """Parameters that go with AllocatedStorage `size` (GiB): empty, or Iops."""
    kind = observed.effective("StorageType")
    now = int(observed.effective("Iops") or 0)
    if kind in ("io1", "io2"):
        return {"Iops": now} if now else {}
    if kind != "gp3":
        return {}
    engine = str(observed.current.get("Engine", "")).partition("-")[0]
    striped_from = _STRIPED_FROM.get(engine, _OTHERS_FROM)
    if striped_from is None:  # SQL Server: never striped, but IOPS can be chosen at any size
        return {"Iops": now} if now else {}
    return {"Iops": max(now, STRIPED_IOPS)} if size >= striped_from else {}
