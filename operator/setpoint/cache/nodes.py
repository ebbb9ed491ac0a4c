"""Which servers belong to a cache: Sentinel's, a cluster's, or a primary with its replicas."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from setpoint.api.conditions import Reason
from setpoint.cache.connect import Client, connect, failure
from setpoint.cache.info import Info
from setpoint.cache.target import RedisTarget
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

MOST_NODES = 64


@dataclass(frozen=True)
class Place:
    """A server that another one names. Of a cluster: the first of its slots, None where it has
    none, as a replica; and whether it is the one that was asked."""

    host: str
    port: int
    slot: int | None = None
    is_asked: bool = False


async def seed(target: RedisTarget, network: Network) -> RedisTarget:
    """The server to begin with: the target itself, or the primary that the sentinels name.

    Raises Failure where no sentinel answers, or none knows the name.
    """
    if not target.sentinels:
        return target
    last: Failure | None = None
    for host, port in target.sentinels:
        try:
            async with connect(target.sentinel(host, port), network) as client:
                answer = await client.execute_command(
                    "SENTINEL", "GET-MASTER-ADDR-BY-NAME", target.master_name
                )
        except Failure as problem:
            last = problem
            continue
        if answer:
            return target.at(_text(answer[0]), int(answer[1]))
        last = Failure(
            Reason.TARGET_NOT_FOUND,
            "the sentinels know no primary by the Secret's master-name: check the name",
        )
    raise last or Failure(Reason.SECRET_INVALID, "the Secret names no sentinels")


async def others(client: Client, info: Info, denied: set[str]) -> list[Place]:
    """The other servers that this one names: of a cluster all, of a primary its replicas."""
    if info.text("redis_mode") == "cluster":
        return [place for place in await members(client, denied) if not place.is_asked]
    return list(of_replicas(info))[:MOST_NODES]


async def members(client: Client, denied: set[str]) -> list[Place]:
    """The servers of a cluster; none where the user may not ask. Raises redis.RedisError."""
    try:
        text = await client.execute_command("CLUSTER", "NODES")
    except RedisError as error:
        if failure(error).reason not in (Reason.ACCESS_DENIED, Reason.UNSUPPORTED):
            raise
        denied.add("cluster|nodes")
        return []
    return list(of_cluster(text))[:MOST_NODES]


def of_replicas(info: Info) -> Iterable[Place]:
    """The replicas that INFO of a primary names."""
    for number, entry in info.entries("slave"):
        if number.isdecimal() and entry.get("ip") and entry.get("port", "").isdecimal():
            yield Place(entry["ip"], int(entry["port"]))


def of_cluster(answer: Any) -> Iterable[Place]:
    """The servers of CLUSTER NODES."""
    for line in _cluster_lines(answer):
        address, flags = line[1], line[2].split(",")
        is_asked = "myself" in flags
        if not is_asked and ("noaddr" in flags or "handshake" in flags):
            continue
        place, _, hostname = address.partition(",")
        host, _, port = place.partition("@")[0].rpartition(":")
        with contextlib.suppress(ValueError):
            name = hostname.partition(",")[0] or host.strip("[]")
            yield Place(name, int(port), _first_slot(line[8:]), is_asked)


def _first_slot(words: Iterable[str]) -> int | None:
    """Of `0-5460 5500 [5462->-…]`; what is moving just now does not count."""
    numbers = [word.partition("-")[0] for word in words]
    return min((int(number) for number in numbers if number.isdecimal()), default=None)


def _cluster_lines(answer: Any) -> Iterable[list[str]]:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3:
            yield words


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
