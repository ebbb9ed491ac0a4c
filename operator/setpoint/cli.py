"""The command line: `setpoint run`, `setpoint analyze postgres URL` and `… redis URL`, `setpoint
sweep redis URL` and `setpoint size redis URL`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from setpoint import __version__
from setpoint.cache import cli as cache
from setpoint.cache import sizing_cli, sweep_cli
from setpoint.config import ConfigError
from setpoint.database import command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, or 2 for wrong usage or a wrong configuration.

    An operator that lost its lease ends with 3.
    """
    parsed = _parser().parse_args(arguments)
    if parsed.command == "analyze":
        return cache.run(parsed) if parsed.target == "redis" else command.run(parsed)
    if parsed.command == "sweep":
        return sweep_cli.run(parsed)
    if parsed.command == "size":
        return sizing_cli.run(parsed)
    from setpoint import main as operator  # noqa: PLC0415 - `--help` need not load kopf and boto3
    from setpoint.telemetry import logs  # noqa: PLC0415

    logs.configure(parsed.log_level)
    host, _, port = parsed.listen.rpartition(":")
    options = operator.Options(
        config=Path(parsed.config),
        namespaces=parsed.namespace,
        selector=parsed.watch_label_selector,
        lease_name=parsed.lease_name,
        host=host,
        port=int(port),
    )
    try:
        asyncio.run(operator.run(options))
    except (ConfigError, operator.NoClusterError) as error:
        print(f"setpoint: it cannot start:\n{error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="setpoint", description=__doc__)
    parser.add_argument("--version", action="version", version=f"setpoint {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the operator")
    run.add_argument("--config", required=True, help="the operator's configuration, a YAML file")
    run.add_argument(
        "--namespace",
        action="append",
        default=[],
        help="watch only this namespace (may be repeated); without it, all",
    )
    run.add_argument(
        "--watch-label-selector",
        default="",
        metavar="SELECTOR",
        help="watch only resources with these labels: one shard of several, such as "
        "sharding.fluxcd.io/key=a, or !sharding.fluxcd.io/key for the rest",
    )
    run.add_argument(
        "--lease-name",
        metavar="NAME",
        help="the Lease by which replicas agree on who acts; wins over leaderElection.name",
    )
    run.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        help="address of /livez, /readyz and /metrics (default: %(default)s)",
    )
    run.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    analyze = commands.add_parser("analyze", help="analyse once, without Kubernetes")
    targets = analyze.add_subparsers(dest="target", required=True)
    command.add_arguments(targets.add_parser("postgres", help="a Postgres server"))
    cache.add_arguments(targets.add_parser("redis", help="a Redis server or cluster"))
    sweep = commands.add_parser("sweep", help="give keys without TTL one, or tell what it would do")
    swept = sweep.add_subparsers(dest="target", required=True)
    sweep_cli.add_arguments(swept.add_parser("redis", help="a Redis server"))
    size = commands.add_parser("size", help="tell the hit rate at other memory sizes")
    sized = size.add_subparsers(dest="target", required=True)
    sizing_cli.add_arguments(sized.add_parser("redis", help="a Redis server"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
