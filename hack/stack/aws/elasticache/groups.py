"""Cache parameter groups, which moto does not have: who may change what of them, and when."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stack.aws.paging import take
from stack.aws.parameters import MAXMEMORY, PARAMETERS, Parameter
from stack.aws.state import Region, World, moto
from stack.aws.wire import AWSError, Call

FAMILIES = ("redis6.x", "redis7", "valkey7", "valkey8")
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
    is_global: bool = False

    @property
    def shown(self) -> dict[str, Any]:
        """As DescribeCacheParameterGroups has it."""
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": self.family,
            "Description": self.description,
            "IsGlobal": self.is_global,
            "ARN": self.arn,
        }


def _create(world: World, call: Call) -> dict[str, Any]:
    name, family = call.params["CacheParameterGroupName"], call.params["CacheParameterGroupFamily"]
    region = world.region(call)
    if family not in FAMILIES:
        message = f"CacheParameterGroupFamily {family} is not a valid parameter group family"
        raise invalid(message)
    if name.startswith("default.") or _known(region, call, name):
        message = f"Cache parameter group {name} already exists"
        raise AWSError("CacheParameterGroupAlreadyExists", message)
    group = Group(name, family, call.params["Description"], _arn(call, name))
    region.parameter_groups[name] = group
    return {"CacheParameterGroup": group.shown}


def _describe_groups(world: World, call: Call) -> dict[str, Any]:
    region, name = world.region(call), call.params.get("CacheParameterGroupName")
    groups = [find(region, call, name)] if name else _all(region, call)
    found, marker = page(call, [group.shown for group in groups])
    return {"CacheParameterGroups": found, "Marker": marker}


def _describe_parameters(world: World, call: Call) -> dict[str, Any]:
    group = find(world.region(call), call, call.params["CacheParameterGroupName"])
    source = call.params.get("Source")
    rows = [_shown(name, parameter, group) for name, parameter in sorted(PARAMETERS.items())]
    found, marker = page(call, [row for row in rows if source in (None, row["Source"])])
    return {
        "Parameters": found,
        "Marker": marker,
        "CacheNodeTypeSpecificParameters": [_maxmemory()]
        if call.params.get("Marker") is None
        else [],
    }


def _modify(world: World, call: Call) -> dict[str, Any]:
    """All parameters or none."""
    group = _own(world.region(call), call)
    if group.is_global:
        message = "Cannot modify the parameter group of a global datastore."
        raise AWSError("InvalidGlobalReplicationGroupState", message)
    wanted = call.params.get("ParameterNameValues") or []
    if len(wanted) > _MOST_CHANGES:
        message = f"Cannot modify more than {_MOST_CHANGES} parameters in a single request"
        raise AWSError("InvalidParameterCombination", message)
    values = {row["ParameterName"]: row.get("ParameterValue", "") for row in wanted}
    for name, value in values.items():
        _check_value(name, value)
    _check_state(call, group, "modify")
    group.values |= values
    _changed(world, call, group, list(values))
    return {"CacheParameterGroupName": group.name}


def _reset(world: World, call: Call) -> dict[str, Any]:
    group = _own(world.region(call), call)
    rows = call.params.get("ParameterNameValues") or []
    everything = call.params.get("ResetAllParameters")
    names = list(group.values) if everything else [row["ParameterName"] for row in rows]
    _check_state(call, group, "reset")
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


def _check_state(call: Call, group: Group, verb: str) -> None:
    """AWS refuses a reset while the last change is applied (hashicorp/terraform-provider-aws#1821);
    the stand-in a modification too, and either while a cluster that has the group is modified."""
    if _is_pending(group):
        reason = "its parameters have pending changes"
    elif busy := [
        cluster.cache_cluster_id
        for cluster in moto("elasticache", call).cache_clusters.values()
        if cluster.cache_parameter_group_name == group.name
        and cluster.cache_cluster_status != "available"
    ]:
        reason = f"the cache cluster {busy[0]} is being modified"
    else:
        return
    message = f"Cannot {verb} the parameter group {group.name} because {reason}."
    raise AWSError("InvalidCacheParameterGroupState", message)


def _check_value(name: str, value: str) -> None:
    parameter = PARAMETERS.get(name)
    if parameter is None:
        raise invalid(f"Parameter {name} doesn't exist in this parameter group")
    if not parameter.modifiable:
        raise invalid(f"The parameter {name} cannot be modified.")
    if not parameter.allows(value):
        message = f"The value {value} for parameter {name} is not allowed: {parameter.allowed}"
        raise invalid(message)


def _own(region: Region, call: Call) -> Group:
    """The group of a call, one that may be changed."""
    name = call.params["CacheParameterGroupName"]
    if name.startswith("default."):
        raise invalid("Cannot modify a default parameter group.")
    return find(region, call, name)


def find(region: Region, call: Call, name: str) -> Group:
    """A group by its name. Raises AWSError."""
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
    for family in FAMILIES:
        for name in (f"default.{family}", f"default.{family}.cluster.on"):
            text = f"Default parameter group for {family}"
            defaults.append(Group(name, family, text, _arn(call, name)))
    return defaults + list(region.parameter_groups.values())


def apply_status(group: Group | None) -> str:
    """ParameterApplyStatus of the clusters that have a group; None: one of AWS's own."""
    if group is None or (time.monotonic() >= group.applied_at and not group.needs_reboot):
        return "in-sync"
    return "applying" if _is_pending(group) else "pending-reboot"


def _is_pending(group: Group) -> bool:
    return time.monotonic() < group.applied_at


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


def _maxmemory() -> dict[str, Any]:
    """What a family says of each node type: its memory before reserved-memory-percent."""
    values = [{"CacheNodeType": name, "Value": size} for name, size in MAXMEMORY.items()]
    return {
        "ParameterName": "maxmemory",
        "Source": "system",
        "DataType": "integer",
        "IsModifiable": False,
        "CacheNodeTypeSpecificValues": values,
    }


def page(call: Call, rows: list[Any]) -> tuple[list[Any], str | None]:
    """By Marker and MaxRecords (20 to 100)."""
    size = int(call.params.get("MaxRecords") or _PAGE)
    if not 20 <= size <= _PAGE:
        raise invalid("The parameter MaxRecords must be between 20 and 100.")
    params = {n: v for n, v in call.params.items() if n != "Marker"}
    params["NextToken"] = call.params.get("Marker")
    return take(rows, params, size, partial=call.partial, refusal="InvalidParameterValue")


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:elasticache:{call.region}:{call.account}:parametergroup:{name}"


def invalid(message: str) -> AWSError:
    """What ElastiCache calls most of what it does not take."""
    return AWSError("InvalidParameterValue", message)


OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any]]] = {
    "CreateCacheParameterGroup": _create,
    "DescribeCacheParameterGroups": _describe_groups,
    "DescribeCacheParameters": _describe_parameters,
    "ModifyCacheParameterGroup": _modify,
    "ResetCacheParameterGroup": _reset,
    "DeleteCacheParameterGroup": _delete,
}
