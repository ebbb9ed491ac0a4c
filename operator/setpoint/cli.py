"""The command line: the operator (`run`), the same work without Kubernetes (`analyze`, `sweep`,
`size`), and the resources in a cluster (`get`, `findings`, `plan`, `approve`, `explain`,
`reconcile`, `suspend`, `resume`, `silence`), which is also `kubectl setpoint`.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from setpoint import __version__

Run = Callable[[argparse.Namespace], int]

# What a command needs is imported when it is the one that was typed: `kubectl setpoint get` has no
# use for Redis, Postgres, kopf and boto3.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, or 2 for wrong usage or a wrong configuration.

    An operator that lost its lease ends with 3.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parser(next((word for word in given if not word.startswith("-")), "")).parse_args(
        given
    )
    run: Run = parsed.carry_out
    return run(parsed)


def _parser(typed: str) -> argparse.ArgumentParser:
    is_plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    parser = argparse.ArgumentParser(
        prog="kubectl setpoint" if is_plugin else "setpoint", description=__doc__
    )
    parser.add_argument("--version", action="version", version=f"setpoint {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text, fill in (
        ("run", "run the operator", _run),
        ("analyze", "analyse once, without Kubernetes", _analyze),
        ("sweep", "give keys without TTL one, or tell what it would do", _sweep),
        ("size", "tell the hit rate at other memory sizes", _size),
    ):
        made = commands.add_parser(name, help=text)
        if name == typed:
            fill(made)
    from setpoint.plugin import command  # noqa: PLC0415

    command.add_commands(commands)
    return parser


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="the operator's configuration, a YAML file")
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        help="watch only this namespace (may be repeated); without it, all",
    )
    parser.add_argument(
        "--watch-label-selector",
        default="",
        metavar="SELECTOR",
        help="watch only resources with these labels: one shard of several, such as "
        "sharding.fluxcd.io/key=a, or !sharding.fluxcd.io/key for the rest",
    )
    parser.add_argument(
        "--lease-name",
        metavar="NAME",
        help="the Lease by which replicas agree on who acts; wins over leaderElection.name",
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        help="address of /livez, /readyz and /metrics (default: %(default)s)",
    )
    parser.add_argument(
        "--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    parser.set_defaults(carry_out=_operate)


def _operate(parsed: argparse.Namespace) -> int:
    from setpoint import main as operator  # noqa: PLC0415
    from setpoint.config import ConfigError  # noqa: PLC0415
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


def _analyze(parser: argparse.ArgumentParser) -> None:
    from setpoint.cache import cli as cache  # noqa: PLC0415
    from setpoint.database import command as database  # noqa: PLC0415

    targets = parser.add_subparsers(dest="target", required=True)
    postgres = targets.add_parser("postgres", help="a Postgres server")
    database.add_arguments(postgres)
    postgres.set_defaults(carry_out=database.run)
    redis = targets.add_parser("redis", help="a Redis server or cluster")
    cache.add_arguments(redis)
    redis.set_defaults(carry_out=cache.run)


def _sweep(parser: argparse.ArgumentParser) -> None:
    from setpoint.cache import sweep_cli  # noqa: PLC0415

    targets = parser.add_subparsers(dest="target", required=True)
    redis = targets.add_parser("redis", help="a Redis server")
    sweep_cli.add_arguments(redis)
    redis.set_defaults(carry_out=sweep_cli.run)


def _size(parser: argparse.ArgumentParser) -> None:
    from setpoint.cache import sizing_cli  # noqa: PLC0415

    targets = parser.add_subparsers(dest="target", required=True)
    redis = targets.add_parser("redis", help="a Redis server")
    sizing_cli.add_arguments(redis)
    redis.set_defaults(carry_out=sizing_cli.run)


if __name__ == "__main__":
    sys.exit(main())
