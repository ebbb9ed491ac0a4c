"""The control calls under /_stack/: JSON in, JSON out. `AwsStack` of client.py speaks them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import parse_qsl

from moto.core.base_backend import BackendDict
from werkzeug.wrappers import Response

from stack.aws import bulk, ecs, raw, sts
from stack.aws.autoscaling import activities, schedules, targets
from stack.aws.cloudwatch import datapoints
from stack.aws.elasticache import clusters
from stack.aws.faults import Fault
from stack.aws.rds import modify, progress
from stack.aws.rights import Policy
from stack.aws.state import DEFAULT_ACCOUNT, Denial, Key, Settings, World, backends
from stack.aws.wire import AWSError, Call

PREFIX = "/_stack/"
MOTO_SERVICES = ("ecs", "cloudwatch", "rds", "elasticache")


def answer(world: World, environ: Mapping[str, Any], body: bytes) -> Response:
    """One control call. 404 for an unknown one, 400 with a sentence for a wrong one."""
    route = (environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX))
    control = _CONTROLS.get(route)
    if control is None:
        return Response(f"no control call {route[0]} {route[1]}\n", status=404)
    asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    values = asked | (json.loads(body) if body else {})
    try:
        result = control(world, values)
    except AWSError as error:
        return Response(f"{error.code}: {error.message}\n", status=400)
    except (KeyError, TypeError, ValueError) as error:
        return Response(f"{type(error).__name__}: {error}\n", status=400)
    return Response(json.dumps(result, default=str), content_type="application/json")


def _in(values: Mapping[str, Any], **params: Any) -> Call:
    """A call in the account and region that a control call names."""
    account = values.get("account") or DEFAULT_ACCOUNT
    return Call("", "", values.get("region", ""), "", params=params, account=account)


def _put_faults(world: World, values: Mapping[str, Any]) -> None:
    account = values.get("account")
    world.faults.put([Fault(**rule, account=account) for rule in values["faults"]], account)


def _put_metrics(world: World, values: Mapping[str, Any]) -> None:
    region = world.region(_in(values))
    for series in values["series"]:
        datapoints.from_control(region, series)


def _add_activities(world: World, values: Mapping[str, Any]) -> None:
    found = world.region(_in(values)).activities
    for activity in values["activities"]:
        found.insert(0, activities.from_control(activity))
    found.sort(key=lambda activity: activity["StartTime"], reverse=True)


def _fire(world: World, values: Mapping[str, Any]) -> None:
    call = _in(
        values, ServiceNamespace=values.get("namespace", "ecs"), ResourceId=values["resource"],
        ScalableDimension=values.get("dimension", "ecs:service:DesiredCount"),
        ScheduledActionName=values["name"],
    )  # fmt: skip
    schedules.fire(world, call)


def _set_target(world: World, values: Mapping[str, Any]) -> None:
    namespace = values.get("namespace", "ecs")
    key = Key(namespace, values["resource"], values.get("dimension", "ecs:service:DesiredCount"))
    targets.set_values(world.region(_in(values)), key, values["values"])


def _put_raw(world: World, values: Mapping[str, Any]) -> None:
    raw.put(world.region(_in(values)), values["listing"], values["objects"])


def _run_maintenance(world: World, values: Mapping[str, Any]) -> None:
    modify.run_maintenance(world, _in(values), values.get("instance"))


def _set_instance(world: World, values: Mapping[str, Any]) -> None:
    progress.set_values(world, _in(values), values["name"], values["values"])


def _set_cache(world: World, values: Mapping[str, Any]) -> None:
    clusters.set_values(world, _in(values), values["name"], values["values"])


def _set_service(_world: World, values: Mapping[str, Any]) -> None:
    found = ecs.service(_in(values), values["cluster"], values["service"])
    if found is None:
        raise KeyError(f"no active service {values['service']} in {values['cluster']}")
    ecs.deploy(found, values)


def _set_settings(world: World, values: Mapping[str, Any]) -> None:
    account = world.accounts[_in(values).account]
    known = {_camel(setting.name): setting.name for setting in fields(Settings)}
    unknown = values["settings"].keys() - known
    if unknown:
        raise ValueError(f"no setting is called {', '.join(unknown)}: {', '.join(known)}")
    changes = {known[name]: value for name, value in values["settings"].items()}
    account.settings = replace(account.settings, **changes)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _put_denials(world: World, values: Mapping[str, Any]) -> None:
    account = world.accounts[_in(values).account]
    account.denials = [Denial(**denial) for denial in values["denials"]]


def _put_policy(world: World, values: Mapping[str, Any]) -> None:
    """The newest comes first."""
    others = [policy for policy in world.policies if policy.principal != values["principal"]]
    world.policies = [Policy(values["principal"], values["documents"]), *others]


def _policies(world: World, _values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        policy.principal: {"used": sorted(policy.used), "refused": sorted(policy.refused)}
        for policy in world.policies
    }


def _reset(world: World, values: Mapping[str, Any]) -> None:
    """An account, or everything, as it was at the start."""
    account = values.get("account")
    world.ledger.clear(account)
    world.faults.put([], account)
    if account is None:
        world.accounts.clear()
        world.sessions.clear()
        BackendDict.reset()
        return
    world.accounts.pop(account, None)
    for service in MOTO_SERVICES:
        for backend in backends(service)[account].values():
            backend.reset()


_CONTROLS: dict[tuple[str, str], Callable[[World, Mapping[str, Any]], Any]] = {
    ("GET", "health"): lambda _world, _values: {"ok": True},
    ("GET", "ledger"): lambda world, values: world.ledger.since(
        int(values.get("since", 0)), values.get("account")
    ),
    ("GET", "ledger/last"): lambda world, values: world.ledger.last(values.get("account")),
    ("GET", "ledger/counts"): lambda world, values: world.ledger.counts(
        int(values.get("since", 0)), values.get("account")
    ),
    ("DELETE", "ledger"): lambda world, values: world.ledger.clear(values.get("account")),
    ("GET", "faults"): lambda world, values: world.faults.describe(values.get("account")),
    ("PUT", "faults"): _put_faults,
    ("DELETE", "faults"): lambda world, values: world.faults.put([], values.get("account")),
    ("PUT", "metrics"): _put_metrics,
    ("POST", "activities"): _add_activities,
    ("POST", "schedules/fire"): _fire,
    ("PUT", "target"): _set_target,
    ("PUT", "raw"): _put_raw,
    ("POST", "bulk/services"): lambda world, values: bulk.create_services(
        world, _in(values), values
    ),
    ("POST", "rds/maintenance"): _run_maintenance,
    ("PUT", "rds/instance"): _set_instance,
    ("PUT", "elasticache/cache"): _set_cache,
    ("PUT", "ecs/service"): _set_service,
    ("PUT", "settings"): _set_settings,
    ("PUT", "denials"): _put_denials,
    ("PUT", "policies"): _put_policy,
    ("GET", "policies"): _policies,
    ("POST", "sessions/expire"): lambda world, _values: sts.expire(world),
    ("POST", "reset"): _reset,
}
