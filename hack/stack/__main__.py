"""`python -m stack build [--tests] | up [--keep] [DIR] | down DIR`: the local stack by hand."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from stack import gobuild
from stack.config import ALL_PARTS, PartName, Stack, fetch_tools
from stack.install import say
from stack.process import StackError, stop_noted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            fetch_tools()
            if options.tests:
                gobuild.built_helm()
                gobuild.monitoring_crds()
                gobuild.built_status_check()
            say("every program is here")
        elif options.command == "down":
            _down(options.directory)
        else:
            _up(options.directory, options.part or ALL_PARTS, keep=options.keep)
    except StackError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build or fetch the programs, with progress")
    build.add_argument("--tests", action="store_true", help="what only the tests use, too")
    up = commands.add_parser("up", help="start it, print where it is, wait for Ctrl-C")
    up.add_argument("--keep", action="store_true", help="leave it running and return")
    up.add_argument("--part", action="append", choices=ALL_PARTS, help="only this one; repeatable")
    up.add_argument(
        "directory", nargs="?", type=Path, help="for data and logs (default: temporary)"
    )
    down = commands.add_parser("down", help="end a stack that was started with --keep")
    down.add_argument("directory", type=Path)
    return parser


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _up(directory: Path | None, parts: Sequence[PartName], *, keep: bool) -> None:
    stack = Stack.start(directory, parts, keep=keep)
    if keep:
        _describe(stack, parts)
        say(f"it stays; `python -m stack down {stack.run_dir}` ends it")
        return
    with stack:
        _describe(stack, parts)
        say("Ctrl-C ends it")
        try:
            signal.pause()
        except (KeyboardInterrupt, SystemExit):
            say("ending")


def _describe(stack: Stack, parts: Sequence[PartName]) -> None:
    """On standard output, as lines that a shell can take over."""
    lines = {"run_dir": str(stack.run_dir)}
    if "controlplane" in parts:
        lines["KUBECONFIG"] = str(stack.controlplane.admin_kubeconfig)
    if "postgres" in parts:
        lines["postgres"] = stack.postgres.superuser_uri()
    if "redis" in parts:
        lines["redis"] = stack.redis.url(tls=False)
    if "aws" in parts:
        lines["aws"] = stack.aws.base_url
    if "slack" in parts:
        lines["slack"] = stack.slack.base_url
    for name, value in lines.items():
        print(f"{name}={value}", flush=True)


def _down(directory: Path) -> None:
    if not directory.is_dir():
        raise StackError(f"{directory} is not a directory")
    ended = stop_noted(directory)
    say(f"ended {', '.join(ended)}" if ended else f"nothing of {directory} was running")
    say(f"data and logs stay in {directory}: remove it when you no longer need them")


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _exit)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    sys.exit(main())
