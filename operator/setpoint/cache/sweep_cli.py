"""`setpoint sweep redis URL`: what a default TTL would do, and, once approved, the sweep."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from setpoint.api.cachetuning import DefaultTTL, KeyType, SweepPhase, SweepStatus
from setpoint.cache import passes, sweep_nodes
from setpoint.cache.cli import FAILED, USAGE, with_password
from setpoint.cache.guard import printable
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.sweep_limits import brake, forecast, vitals
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.sweep_spread import spread
from setpoint.cache.target import RedisTarget, from_secret
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network, unrestricted

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("url", metavar="URL", help="rediss://user@host:port, as for analyze")
    parser.add_argument("--ttl", default="1h", help="such as 24h (%(default)s)")
    parser.add_argument("--jitter", default="10%", help="least spread (%(default)s)")
    parser.add_argument(
        "--include", action="append", required=True, help='pattern of keys; "*" for all'
    )
    parser.add_argument("--exclude", action="append", default=[], help="pattern; wins over include")
    parser.add_argument(
        "--type", action="append", choices=[str(kind) for kind in KeyType],
        help="types of keys (string and hash)",
    )  # fmt: skip
    parser.add_argument("--max-keys-per-second", type=int, default=75_000)
    parser.add_argument("--ca", type=Path, help="file with the authority to trust")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--dry-run", action="store_true", help="only tell (the default)")
    action.add_argument(
        "--approve", action="store_true", help="set the TTLs; they cannot be taken back"
    )
    parser.add_argument(
        "--fast", action="store_true", help="without a limit; other clients may notice"
    )


def run(arguments: argparse.Namespace) -> int:
    """Tell, and sweep if approved; the exit status."""
    try:
        settings = _settings(arguments)
        ca = arguments.ca.read_text(encoding="utf-8") if arguments.ca else ""
        asyncio.run(_run(arguments, settings, with_password(arguments.url), ca))
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        print(f"setpoint: --{field}: {error.errors()[0]['msg']}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"setpoint: cannot read {arguments.ca}: {error.strerror}", file=sys.stderr)
        return USAGE
    except Failure as problem:
        print(f"setpoint: {problem.reason}: {problem.message}", file=sys.stderr)
        return FAILED
    return 0


def _settings(arguments: argparse.Namespace) -> DefaultTTL:
    given = {
        "ttl": arguments.ttl,
        "jitter": arguments.jitter,
        "include": arguments.include,
        "exclude": arguments.exclude,
        "maxKeysPerSecond": arguments.max_keys_per_second,
    }
    return DefaultTTL.model_validate(given | ({"types": arguments.type} if arguments.type else {}))


async def _run(arguments: argparse.Namespace, settings: DefaultTTL, url: str, ca: str) -> None:
    network = unrestricted()
    target = from_secret("on the command line", {"url": url, "ca.crt": ca})
    preview = await _look(target, network, settings)
    servers = await sweep_nodes.primaries(target, network)
    print("\n".join(told(preview, settings, [server.info for server in servers])))
    if arguments.approve:
        await _sweep(target, network, settings, preview.kin, fast=arguments.fast)
    else:
        print("nothing was changed; --approve sets the TTLs, which cannot be taken back")


async def _look(target: RedisTarget, network: Network, settings: DefaultTTL) -> Preview:
    preview = Preview(passes.digest(settings), 0, datetime.now(UTC))
    with _bar() as bar:
        task = bar.add_task("looking", total=None)
        while not preview.is_complete:
            await sweep_nodes.look_on(target, network, settings, preview)
            bar.update(task, completed=preview.scanned)
    return preview


async def _sweep(
    target: RedisTarget, network: Network, settings: DefaultTTL, kin: Kin, *, fast: bool
) -> None:
    status: SweepStatus | None = None
    total = sum(server.info.keys for server in await sweep_nodes.primaries(target, network))
    with _bar() as bar:
        task = bar.add_task("sweeping", total=total)
        while status is None or status.phase is not SweepPhase.DONE:
            status, _ = await sweep_nodes.go_on(
                target, network, settings, status, datetime.now(UTC), kin, fast=fast
            )
            text = f"waiting: {status.paused}" if status.paused else "sweeping"
            bar.update(task, completed=status.scanned, description=text)
    print(f"{status.changed:,} keys were given a TTL", end="")
    print(f"; {status.refused:,} this user may not change" if status.refused else "")


def told(preview: Preview, settings: DefaultTTL, infos: Sequence[Info]) -> Sequence[str]:
    """The dry run in words."""
    rows, change = preview.rows(settings), preview.to_change(settings)
    apart = spread(settings.ttl, settings.jitter, change)
    servers = [vitals(info) for info in infos]
    lines = [
        f"about {change:,} of {preview.scanned:,} keys would be given a TTL of {apart}",
        f"cost: {forecast(change)}",
    ]
    waits = {why for server in servers if (why := brake(server, change // len(servers)))}
    lines += [f"it would wait now: {why}" for why in sorted(waits)]
    if any(server.is_store for server in servers):
        lines.append("this is a data store: it evicts nothing, so what expires is lost")
    lines += ["", f"{'PREFIX':<40} {'TYPE':<8} {'KEYS':>12} {'WITHOUT TTL':>12} {'KEPT':>12}"]
    for row in rows[:_SHOWN]:
        name = printable(row.prefix, 40) or "(none)"
        numbers = " ".join(f"{n:>12,}" for n in (row.keys, row.to_change, row.protected))
        lines.append(f"{name:<40} {row.type:<8} {numbers}")
    if len(rows) > _SHOWN:
        lines.append(f"and {len(rows) - _SHOWN} more")
    if any(row.protected for row in rows):
        lines += ["", "kept: they look like queues, locks, sessions or tag sets; naming their",
                  "prefix with --include gives them a TTL, too"]  # fmt: skip
    return [*lines, ""]


def _bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
