"""`setpoint size redis URL`: the hit rate at other memory sizes, as a curve."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from setpoint.cache.cli import FAILED, USAGE, with_password
from setpoint.cache.connect import connect, failure
from setpoint.cache.info import Info
from setpoint.cache.memory import human
from setpoint.cache.nodes import seed
from setpoint.cache.observe import read_info
from setpoint.cache.sizing import Sizing
from setpoint.cache.sizing_poll import poll
from setpoint.cache.target import from_secret
from setpoint.engine.failure import Failure
from setpoint.trust.network import unrestricted

_WIDTH = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("url", metavar="URL", help="rediss://user@host:port, as for analyze")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="how long to look (%(default)s)"
    )
    parser.add_argument("--polls", type=int, default=200, help="how often meanwhile (%(default)s)")
    parser.add_argument("--ca", type=Path, help="file with the authority to trust")


def run(arguments: argparse.Namespace) -> int:
    """Poll and print; the exit status."""
    if arguments.polls < 3 or arguments.minutes <= 0:
        print("setpoint: --polls must be at least 3, and --minutes above 0", file=sys.stderr)
        return USAGE
    try:
        ca = arguments.ca.read_text(encoding="utf-8") if arguments.ca else ""
        sizing, info = asyncio.run(
            _poll(with_password(arguments.url), ca, 60 * arguments.minutes, arguments.polls)
        )
    except OSError as error:
        print(f"setpoint: cannot read {arguments.ca}: {error.strerror}", file=sys.stderr)
        return USAGE
    except Failure as problem:
        print(f"setpoint: {problem.reason}: {problem.message}", file=sys.stderr)
        return FAILED
    print("\n".join(told(sizing, info)))
    return 0


async def _poll(url: str, ca: str, seconds: float, polls: int) -> tuple[Sizing, Info]:
    network = unrestricted()
    target = await seed(from_secret("on the command line", {"url": url, "ca.crt": ca}), network)
    async with connect(target, network) as client:
        try:
            sizing = await poll(client, seconds, polls)
            return sizing, await read_info(client)
        except RedisError as error:
            raise failure(error, "object|idletime") from None


def told(sizing: Sizing, info: Info) -> Sequence[str]:
    """The curve in words. A key is taken to need what keys need on average."""
    curve = sizing.curve()
    if not curve:
        return ["unknown: too few look-ups while it was watched"]
    each = info.number("used_memory") / max(info.keys, 1)
    lines = [f"{'MEMORY':>10} {'KEYS':>12} {'HIT RATE':>9}"]
    for point in curve:
        bar = "█" * round(_WIDTH * point.hit_rate)
        lines.append(
            f"{human(int(each * point.keys)):>10} {point.keys:>12,.0f} "
            f"{100 * point.hit_rate:>8.1f}% ±{100 * point.error:<4.1f} {bar}"
        )
    return [*lines, "a larger cache: unknown, since what was evicted is not seen"]
