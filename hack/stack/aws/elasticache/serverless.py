"""Serverless caches, which moto does not have. They have neither nodes nor parameter groups."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stack.aws.elasticache.groups import invalid
from stack.aws.paging import take
from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_ENGINES = {"redis": "7", "valkey": "8"}
_PAGE = 50


def _create(world: World, call: Call) -> dict[str, Any]:
    name, engine = call.params["ServerlessCacheName"], call.params["Engine"]
    known = world.region(call).serverless_caches
    if engine not in (*_ENGINES, "memcached"):
        raise invalid(f"The engine {engine} is not supported.")
    if name in known:
        message = f"Serverless cache {name} already exists"
        raise AWSError("ServerlessCacheAlreadyExistsFault", message)
    major = call.params.get("MajorEngineVersion") or _ENGINES.get(engine, "1.6")
    known[name] = {
        "ServerlessCacheName": name,
        "Status": "available",
        "Engine": engine,
        "MajorEngineVersion": major,
        "FullEngineVersion": f"{major}.0",
        "CreateTime": datetime.now(UTC),
        "CacheUsageLimits": call.params.get("CacheUsageLimits"),
        "ARN": f"arn:aws:elasticache:{call.region}:{call.account}:serverlesscache:{name}",
    }
    return {"ServerlessCache": {**known[name], "Status": "creating"}}


def _describe(world: World, call: Call) -> dict[str, Any]:
    known, name = world.region(call).serverless_caches, call.params.get("ServerlessCacheName")
    if name and name not in known:
        message = f"Serverless cache {name} not found"
        raise AWSError("ServerlessCacheNotFoundFault", message, 404)
    rows = [known[name]] if name else list(known.values())
    found, token = take(
        rows, call.params, _PAGE, partial=call.partial, refusal="InvalidParameterValue"
    )
    return {"ServerlessCaches": found, "NextToken": token}


OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any] | None]] = {
    "CreateServerlessCache": _create,
    "DescribeServerlessCaches": _describe,
}
