"""What a DBTuning is about, by names that no two real things share. Pure."""

from collections.abc import Iterable, Sequence

from setpoint.api.dbtuning import DBTuningSpec
from setpoint.database.model import Observed

_ARN, _POSTGRES = "arn:", "postgres/"


def known(spec: DBTuningSpec, observed: Observed, before: Sequence[str]) -> list[str]:
    """The instance's ARN, then `postgres/<system identifier>/<database>` for each database.

    What cannot be looked at now keeps the name that it had `before`: whoever else manages it must
    not take it for free.
    """
    return list(
        dict.fromkeys((*_instance(spec, observed, before), *_databases(spec, observed, before)))
    )


def _instance(spec: DBTuningSpec, observed: Observed, before: Iterable[str]) -> Iterable[str]:
    if observed.rds is not None:
        return [observed.rds.arn]
    if spec.rds is None:
        return []
    name = f":db:{spec.rds.instance.lower()}"
    return [target for target in before if target.startswith(_ARN) and target.endswith(name)]


def _databases(spec: DBTuningSpec, observed: Observed, before: Iterable[str]) -> Iterable[str]:
    if spec.postgres is None:
        return []
    seen = {snapshot.database: snapshot.server.identity for snapshot in observed.snapshots}
    names = set(spec.postgres.databases)
    missing = [
        f"{_POSTGRES}{rest}"
        for rest in (t.removeprefix(_POSTGRES) for t in before if t.startswith(_POSTGRES))
        if (name := rest.partition("/")[2]) not in seen and (name in names if names else not seen)
    ]
    now = [f"{_POSTGRES}{server}/{name}" for name, server in sorted(seen.items()) if server]
    return [*now, *missing]
