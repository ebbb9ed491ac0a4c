"""`setpoint analyze postgres URL`: one analysis, as text, with an exit status for pipelines."""

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from setpoint.api.findings import Severity
from setpoint.database import render
from setpoint.database.analysis import Analysed, Wish, analyse_url
from setpoint.database.indexes.lexer import statements
from setpoint.database.indexes.model import Limits, Statement
from setpoint.engine.failure import Failure

FOUND, FAILED, USAGE = 1, 3, 2
"""Exit statuses: findings at or above --fail-on; a database could not be analysed; wrong usage."""

_PASSWORD = "PGPASSWORD"  # noqa: S105 - the name of libpq's variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "url",
        metavar="URL",
        help="postgresql://user@host:port/database?sslmode=verify-full; the password is taken from "
        f"{_PASSWORD} if it is not in the URL",
    )
    parser.add_argument(
        "--database", action="append", default=[], help="analyse this one (may be repeated)"
    )
    parser.add_argument(
        "--replica",
        action="append",
        default=[],
        metavar="URL",
        help="a replica that serves reads, whose scans count (may be repeated)",
    )
    parser.add_argument("--ca", type=Path, help="file with the authority to trust")
    parser.add_argument(
        "--memory", type=_gibibytes, metavar="GIB", help="memory of the server's machine"
    )
    parser.add_argument(
        "--indexes",
        action="store_true",
        help="suggest indexes for the statements that pg_stat_statements counted",
    )
    parser.add_argument(
        "--statements",
        type=Path,
        metavar="FILE",
        help="suggest indexes for these statements instead, each ended by a semicolon",
    )
    parser.add_argument(
        "--max-total-size",
        type=_mebibytes,
        metavar="MIB",
        help="size that the suggested indexes of a database may have together",
    )
    parser.add_argument("--max-indexes", type=_positive, default=10, metavar="N")
    parser.add_argument(
        "--time",
        type=_positive,
        default=30,
        metavar="SECONDS",
        help="how long to search for indexes in a database (default: %(default)s)",
    )
    parser.add_argument("--format", choices=sorted(render.FORMATS), default="table")
    parser.add_argument(
        "--fail-on",
        choices=[str(severity).lower() for severity in Severity],
        help=f"exit with {FOUND} if there is a finding as bad as this",
    )


def _positive(text: str) -> int:
    """A whole number from 1 on. Raises ValueError, which argparse puts into words."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _gibibytes(text: str) -> int:
    return _positive(text)


def _mebibytes(text: str) -> int:
    return _positive(text) * 2**20


def run(arguments: argparse.Namespace) -> int:
    """Analyse and print; the exit status."""
    try:
        ca = arguments.ca.read_text(encoding="utf-8") if arguments.ca else ""
    except OSError as error:
        print(f"setpoint: cannot read {arguments.ca}: {error.strerror}", file=sys.stderr)
        return USAGE
    except UnicodeDecodeError:
        print(f"setpoint: {arguments.ca} is no PEM text: convert it", file=sys.stderr)
        return USAGE
    try:
        wish = _wish(arguments)
    except OSError as error:
        print(f"setpoint: cannot read {arguments.statements}: {error.strerror}", file=sys.stderr)
        return USAGE
    except UnicodeDecodeError:
        print(f"setpoint: {arguments.statements} is no UTF-8 text", file=sys.stderr)
        return USAGE
    try:
        text, code = asyncio.run(_analyse(arguments, ca, wish))
    except Failure as failure:
        print(f"setpoint: {failure.reason}: {failure.message}", file=sys.stderr)
        return USAGE
    print(text)
    return code


def _wish(arguments: argparse.Namespace) -> Wish | None:
    """What advice is wanted. Raises OSError, UnicodeDecodeError."""
    if not (arguments.indexes or arguments.statements):
        return None
    limits = Limits(
        max_total_size=arguments.max_total_size,
        max_indexes=arguments.max_indexes,
        budget_s=arguments.time,
    )
    if arguments.statements is None:
        return Wish(limits)
    texts = statements(arguments.statements.read_bytes())
    return Wish(limits, [Statement(text) for text in texts])


async def _analyse(arguments: argparse.Namespace, ca: str, wish: Wish | None) -> tuple[str, int]:
    seen = await analyse_url(
        _with_password(arguments.url),
        arguments.database,
        ca=ca,
        replicas=[_with_password(url) for url in arguments.replica],
        memory=arguments.memory,
        advice=wish,
    )
    fail_on = Severity(arguments.fail_on.capitalize()) if arguments.fail_on else None
    return _text(seen, arguments.format, fail_on), status(seen, fail_on)


def status(seen: Analysed, fail_on: Severity | None) -> int:
    """What a pipeline goes by: trouble first, for what was not seen is not sound."""
    if seen.failures:
        return FAILED
    if fail_on is not None and any(f.severity.rank <= fail_on.rank for f in seen.findings):
        return FOUND
    return 0


def _text(seen: Analysed, form: str, fail_on: Severity | None) -> str:
    if form == "table" and sys.stdout.isatty():
        return render.table(seen, shutil.get_terminal_size().columns)
    if form == "junit" and fail_on is not None:
        return render.junit(seen, fail_on)
    return render.FORMATS[form](seen)


def _with_password(url: str) -> str:
    """The URL with the environment's password, where it has a user and none."""
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.partition("@")
    password = os.environ.get(_PASSWORD)
    if not (separator and at and user and password) or ":" in user:
        return url
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"
