"""ElastiCache: moto's groups and clusters, and parameter groups, which moto does not have."""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.elasticache.models import CacheCluster

from stack.aws.paging import take
from stack.aws.parameters import PARAMETERS, Parameter
from stack.aws.state import Region, World, moto
from stack.aws.wire import AWSError, Call

_FAMILIES = ("redis6.x", "redis7", "valkey7", "valkey8")
_MOST_CHANGES = 20
_PAGE = 100


@dataclass
class Group:
    """A cache parameter group: what differs from its family's defaults."""

    name: str
    family: str
    description: str
    arn: str
    values: dict[str, str] = field(default_factory=dict)
    applied_at: float = 0.0
    needs_reboot: bool = False

    @property
    def shown(self) -> dict[str, Any]:
        """As DescribeCacheParameterGroups has it."""
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": self.family,
            "Description": self.description,
            "IsGlobal": False,
            "ARN": self.arn,
        }


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    if call.operation in ("DescribeCacheClusters", "DeleteCacheParameterGroup"):
        _show_clusters(world.region(call), call)
    operation = _OPERATIONS.get(call.operation)
    return operation(world, call) if operation else None


def _create(world: World, call: Call) -> dict[str, Any]:
    name, family = call.params["CacheParameterGroupName"], call.params["CacheParameterGroupFamily"]
    region = world.region(call)
    if family not in _FAMILIES:
        message = f"CacheParameterGroupFamily {family} is not a valid parameter group family"
        raise _invalid(message)
    if name.startswith("default.") or _known(region, call, name):
        message = f"Cache parameter group {name} already exists"
        raise AWSError("CacheParameterGroupAlreadyExists", message)
    group = Group(name, family, call.params["Description"], _arn(call, name))
    region.parameter_groups[name] = group
    return {"CacheParameterGroup": group.shown}


def _describe_groups(world: World, call: Call) -> dict[str, Any]:
    region, name = world.region(call), call.params.get("CacheParameterGroupName")
    groups = [_group(region, call, name)] if name else _all(region, call)
    found, marker = _page(call, [group.shown for group in groups])
    return {"CacheParameterGroups": found, "Marker": marker}


def _describe_parameters(world: World, call: Call) -> dict[str, Any]:
    group = _group(world.region(call), call, call.params["CacheParameterGroupName"])
    source = call.params.get("Source")
    rows = [_shown(name, parameter, group) for name, parameter in sorted(PARAMETERS.items())]
    found, marker = _page(call, [row for row in rows if source in (None, row["Source"])])
    return {"Parameters": found, "Marker": marker}


def _modify(world: World, call: Call) -> dict[str, Any]:
    """All parameters or none."""
    group = _own(world.region(call), call)
    wanted = call.params.get("ParameterNameValues") or []
    if len(wanted) > _MOST_CHANGES:
        message = f"Cannot modify more than {_MOST_CHANGES} parameters in a single request"
        raise AWSError("InvalidParameterCombination", message)
    values = {row["ParameterName"]: row.get("ParameterValue", "") for row in wanted}
    for name, value in values.items():
        _check_value(name, value)
    group.values |= values
    _changed(world, call, group, list(values))
    return {"CacheParameterGroupName": group.name}


def _reset(world: World, call: Call) -> dict[str, Any]:
    group = _own(world.region(call), call)
    rows = call.params.get("ParameterNameValues") or []
    everything = call.params.get("ResetAllParameters")
    names = list(group.values) if everything else [row["ParameterName"] for row in rows]
    for name in names:
        group.values.pop(name, None)
    _changed(world, call, group, names)
    return {"CacheParameterGroupName": group.name}


def _delete(world: World, call: Call) -> dict[str, Any]:
    region = world.region(call)
    group = _own(region, call)
    clusters = moto("elasticache", call).cache_clusters.values()
    if any(cluster.cache_parameter_group_name == group.name for cluster in clusters):
        message = "One or more cache clusters are still members of this parameter group"
        raise AWSError("InvalidCacheParameterGroupState", message)
    del region.parameter_groups[group.name]
    return {}


def _changed(world: World, call: Call, group: Group, names: list[str]) -> None:
    group.applied_at = time.monotonic() + world.account(call).settings.cache_seconds
    if any(PARAMETERS[name].reboot for name in names if name in PARAMETERS):
        group.needs_reboot = True


def _check_value(name: str, value: str) -> None:
    parameter = PARAMETERS.get(name)
    if parameter is None:
        raise _invalid(f"Parameter {name} doesn't exist in this parameter group")
    if not parameter.modifiable:
        raise _invalid(f"The parameter {name} cannot be modified.")
    if not parameter.allows(value):
        message = f"The value {value} for parameter {name} is not allowed: {parameter.allowed}"
        raise _invalid(message)


def _own(region: Region, call: Call) -> Group:
    """The group of a call, one that may be changed."""
    name = call.params["CacheParameterGroupName"]
    if name.startswith("default."):
        raise _invalid("Cannot modify a default parameter group.")
    return _group(region, call, name)


def _group(region: Region, call: Call, name: str) -> Group:
    group = _known(region, call, name)
    if group is None:
        message = f"CacheParameterGroup not found: {name}"
        raise AWSError("CacheParameterGroupNotFound", message, 404)
    return group


def _known(region: Region, call: Call, name: str) -> Group | None:
    return next((group for group in _all(region, call) if group.name == name), None)


def _all(region: Region, call: Call) -> list[Group]:
    """AWS's own, and those made since."""
    defaults = []
    for family in _FAMILIES:
        for name in (f"default.{family}", f"default.{family}.cluster.on"):
            text = f"Default parameter group for {family}"
            defaults.append(Group(name, family, text, _arn(call, name)))
    return defaults + list(region.parameter_groups.values())


def _show_clusters(region: Region, call: Call) -> None:
    """Members of replication groups are clusters, and each names its parameter group."""
    backend = moto("elasticache", call)
    for replication in backend.replication_groups.values():
        for name in replication.member_clusters:
            if name not in backend.cache_clusters:
                backend.cache_clusters[name] = _member(call, name, replication)
    for cluster in backend.cache_clusters.values():
        if cluster.cache_parameter_group_name is None:
            version = str(cluster.engine_version or "7.1").partition(".")[0]
            cluster.cache_parameter_group_name = f"default.{cluster.engine}{version}"
        group = region.parameter_groups.get(cluster.cache_parameter_group_name)
        cluster.cache_parameter_group = {
            "CacheParameterGroupName": cluster.cache_parameter_group_name,
            "ParameterApplyStatus": _apply_status(group),
            "CacheNodeIdsToReboot": ["0001"] if group and group.needs_reboot else [],
        }


def _apply_status(group: Group | None) -> str:
    if group is None or (time.monotonic() >= group.applied_at and not group.needs_reboot):
        return "in-sync"
    return "applying" if time.monotonic() < group.applied_at else "pending-reboot"


def _member(call: Call, name: str, replication: Any) -> CacheCluster:
    arguments: dict[str, Any] = dict.fromkeys(inspect.signature(CacheCluster).parameters)
    copied = ("engine", "engine_version", "cache_node_type", "cache_parameter_group_name", "port",
              "replication_group_id", "transit_encryption_enabled")  # fmt: skip
    arguments |= {attribute: getattr(replication, attribute) for attribute in copied}
    arguments |= {"account_id": call.account, "region_name": call.region, "cache_cluster_id": name}
    return CacheCluster(**arguments)


def _shown(name: str, parameter: Parameter, group: Group) -> dict[str, Any]:
    return {
        "ParameterName": name,
        "ParameterValue": group.values.get(name, parameter.default),
        "Source": "user" if name in group.values else "system",
        "DataType": parameter.type,
        "AllowedValues": parameter.allowed,
        "IsModifiable": parameter.modifiable,
        "ChangeType": "requires-reboot" if parameter.reboot else "immediate",
        "MinimumEngineVersion": "2.8.6",
    }


def _page(call: Call, rows: list[Any]) -> tuple[list[Any], str | None]:
    """By Marker and MaxRecords (20 to 100)."""
    size = int(call.params.get("MaxRecords") or _PAGE)
    if not 20 <= size <= _PAGE:
        raise _invalid("The parameter MaxRecords must be between 20 and 100.")
    params = {n: v for n, v in call.params.items() if n != "Marker"}
    params["NextToken"] = call.params.get("Marker")
    return take(rows, params, size, partial=call.partial, refusal="InvalidParameterValue")


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:elasticache:{call.region}:{call.account}:parametergroup:{name}"


def _invalid(message: str) -> AWSError:
    return AWSError("InvalidParameterValue", message)


_OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any]]] = {
    "CreateCacheParameterGroup": _create,
    "DescribeCacheParameterGroups": _describe_groups,
    "DescribeCacheParameters": _describe_parameters,
    "ModifyCacheParameterGroup": _modify,
    "ResetCacheParameterGroup": _reset,
    "DeleteCacheParameterGroup": _delete,
}
