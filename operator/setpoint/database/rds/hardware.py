"""What an instance class has, by its name. Pure.

RDS's user guide, "Hardware specifications for DB instance classes"; EC2's, "CPU credits", where a
t2 earns less than a later one of the same size. What the name does not tell is
None: such a class has no finding that needs it.
"""

import re

GIB = 1024**3
_CLASS = re.compile(r"db\.([a-z]+)[0-9][a-z0-9-]*\.([a-z]+|[0-9]+xlarge)$")
_PER_VCPU = {"m": 4, "r": 8, "c": 2}  # GiB
_BURSTABLE = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}  # GiB
_CREDITS = {"micro": 288, "small": 576, "medium": 576, "large": 864, "xlarge": 2304,
            "2xlarge": 4608}  # fmt: skip
_CREDITS_T2 = {"micro": 144, "small": 288, "medium": 576, "large": 864, "xlarge": 1296,
               "2xlarge": 1958}  # fmt: skip
_SMALLEST = ("micro", "small", "medium", "large")


def is_burstable(name: str) -> bool:
    """Whether a class lives on CPU credits."""
    match = _CLASS.match(name)
    return match is not None and match[1] == "t"


def memory(name: str) -> int | None:
    """Bytes of memory."""
    match = _CLASS.match(name)
    if match is None:
        return None
    family, size = match.groups()
    if family == "t":
        return _BURSTABLE[size] * GIB if size in _BURSTABLE else None
    vcpus = _vcpus(size)
    return vcpus * _PER_VCPU[family] * GIB if vcpus and family in _PER_VCPU else None


def most_credits(name: str) -> int | None:
    """CPU credits that a burstable class can save: what it earns in 24 hours."""
    match = _CLASS.match(name)
    if match is None or match[1] != "t":
        return None
    return (_CREDITS_T2 if name.startswith("db.t2.") else _CREDITS).get(match[2])


def has_smaller(name: str) -> bool:
    """Whether the family has a size below."""
    match = _CLASS.match(name)
    if match is None:
        return False
    return match[2] not in (("micro",) if match[1] == "t" else _SMALLEST)


def most_connections(name: str, engine: str) -> int | None:
    """max_connections of RDS's own parameter groups (user guide, "Quotas and constraints")."""
    size = memory(name)
    if size is None:
        return None
    if engine == "postgres":
        return min(size // 9_531_392, 5000)
    if engine == "mariadb":  # from 10.5 on
        return min(size // 25_165_760, 12_000)
    return size // 12_582_880 if engine == "mysql" else None


def _vcpus(size: str) -> int | None:
    """Large has 2, xlarge 4, Nxlarge 4N."""
    if size in ("large", "xlarge"):
        return {"large": 2, "xlarge": 4}[size]
    return int(size.removesuffix("xlarge")) * 4 if size[0].isdecimal() else None
