"""`setpoint analyze redis URL`: one analysis, as text, with an exit status for pipelines."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from setpoint.api.cachetuning import CacheTuningSpec, parse_size
from setpoint.api.findings import Severity
from setpoint.cache import decide, observe, shares, window
from setpoint.cache.guard import Guard, printable
from setpoint.cache.memory import human
from setpoint.cache.model import Memory, Observed
from setpoint.cache.observe import Look
from setpoint.cache.target import from_secret
from setpoint.engine.failure import Failure
from setpoint.engine.model import Finding
from setpoint.trust.network import unrestricted

FOUND, USAGE, FAILED = 1, 2, 3
"""Exit statuses: findings at or above --fail-on; wrong usage; the server could not be analysed."""

_PASSWORD = "REDISCLI_AUTH"  # noqa: S105 - the name of redis-cli's variable
_SHOWN = 10


@dataclass(frozen=True)
class Analysed:
    """What was seen, and what is wrong with it."""

    observed: Observed
    memory: Memory
    seen: window.Window
    findings: tuple[Finding, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "url",
        metavar="URL",
        help=f"rediss://user@host:port; the password is taken from {_PASSWORD} if it is not in "
        "the URL",
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=10.0, help="length of the window (%(default)s)"
    )
    parser.add_argument("--ca", type=Path, help="file with the authority to trust")
    parser.add_argument(
        "--memory-limit", type=parse_size, metavar="SIZE", help="of the container, such as 2Gi"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--fail-on",
        choices=[str(severity).lower() for severity in Severity],
        help=f"exit with {FOUND} if there is a finding as bad as this",
    )


def run(arguments: argparse.Namespace) -> int:
    """Analyse and print; the exit status."""
    try:
        ca = arguments.ca.read_text(encoding="utf-8") if arguments.ca else ""
        found = asyncio.run(
            analyse(with_password(arguments.url), arguments.seconds, ca, arguments.memory_limit)
        )
    except Failure as failure:
        print(f"setpoint: {failure.reason}: {failure.message}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"setpoint: cannot read {arguments.ca}: {error.strerror}", file=sys.stderr)
        return USAGE
    print(json.dumps(as_json(found), indent=2) if arguments.format == "json" else as_text(found))
    limit = Severity(arguments.fail_on.capitalize()) if arguments.fail_on else None
    is_bad = limit is not None and any(f.severity.rank <= limit.rank for f in found.findings)
    return FOUND if is_bad else 0


async def analyse(url: str, seconds: float, ca: str = "", limit: int | None = None) -> Analysed:
    """Two looks, `seconds` apart, and as many as the survey of the keys needs. Raises Failure."""
    network = unrestricted()
    target = from_secret("on the command line", {"url": url, "ca.crt": ca})
    spec = _spec(limit)
    memory = Memory()
    names = ("maxmemory", "maxclients", "activedefrag")
    for number in range(_SHOWN * 100):
        look = Look(network, memory, datetime.now(UTC), names, survey_wanted=True)
        observed = await observe.observe(target, look)
        decision = decide.decide(spec, observed, memory, look.now)
        memory = decision.memory
        is_seen = memory.survey is None or memory.survey.is_complete
        if number and is_seen:
            break
        await asyncio.sleep(0 if number else seconds)
    return Analysed(
        observed, memory, decide.windowed(spec, observed, memory), tuple(decision.findings)
    )


def as_text(found: Analysed) -> str:
    """For people."""
    servers = _number(len(found.observed.nodes), "server")
    keys = _number(found.observed.keys, "key")
    policy = found.observed.policy or "unknown"
    lines = [
        f"Redis {found.observed.version}, {servers}, {keys}, policy {policy}",
        *(f"{name}: {text}" for name, text in _measured(found).items()),
    ]
    lines += _prefixes(found)
    lines.append("")
    for finding in sorted(found.findings, key=lambda f: f.severity.rank):
        lines += [
            f"{str(finding.severity).upper()} {finding.id} {finding.object}: {finding.message}",
            f"    {finding.evidence}",
            f"    → {finding.remedy}",
        ]
    return "\n".join([*lines, _number(len(found.findings), "finding")])


def as_json(found: Analysed) -> dict[str, Any]:
    """For programs."""
    rates = window.rates(found.seen)
    used = decide.worst_usage(_spec(found.seen.memory_limit), found.observed)
    return {
        "version": found.observed.version,
        "nodes": [node.name for node in found.observed.nodes],
        "unreachable": list(found.observed.unreachable),
        "state": str(rates.state),
        "hitRate": rates.hit_rate,
        "hitRateBounds": None if rates.low is None else [rates.low, rates.high],
        "lookups": rates.lookups,
        "memoryUsage": used.percent,
        "memoryLimit": used.limit,
        "maxmemoryPolicy": found.observed.policy,
        "protected": [str(layout) for layout in _guard(found).layouts],
        "withoutTTL": [
            {
                "prefix": printable(share.prefix),
                "type": share.type,
                "keys": share.keys,
                "bytes": share.size,
            }
            for share in shares.without_ttl(found.memory.sample)
        ],
        "findings": [
            {
                "id": finding.id,
                "object": finding.object,
                "severity": str(finding.severity),
                "message": finding.message,
                "evidence": finding.evidence,
                "remedy": finding.remedy,
            }
            for finding in found.findings
        ],
    }


def _measured(found: Analysed) -> Mapping[str, str]:
    rates = window.rates(found.seen)
    used = decide.worst_usage(_spec(found.seen.memory_limit), found.observed)
    rate = f"{rates.state}, {_number(rates.lookups, 'look-up')}"
    if rates.hit_rate is not None:
        rate = f"{rates.hit_rate:.1f}% ({rates.low:.1f}% to {rates.high:.1f}%), {rate}"
    memory = human(used.used)
    if used.percent is not None:
        memory = f"{used.percent:.0f}% of {used.limit} ({memory} of {human(used.total)})"
    layouts = ", ".join(str(layout) for layout in _guard(found).layouts) or "none seen"
    return {"hit rate": rate, "memory": memory, "keys that must stay": layouts}


def _prefixes(found: Analysed) -> list[str]:
    rows = shares.without_ttl(found.memory.sample)[:_SHOWN]
    if not rows:
        return []
    title = f"without TTL, by a sample of {_number(len(found.memory.sample), 'key')}:"
    return [title, *(f"    {row}" for row in rows)]


def _guard(found: Analysed) -> Guard:
    return Guard([*found.seen.sample, *found.seen.protected])


def _spec(limit: int | None) -> CacheTuningSpec:
    redis: dict[str, Any] = {"secretRef": {"name": "none"}}
    if limit is not None:
        redis["memoryLimit"] = f"{max(1, limit // 1024)}Ki"
    return CacheTuningSpec.model_validate({"redis": redis})


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 3600")
    return value


def with_password(url: str) -> str:
    """The URL with the environment's password, where it has none."""
    scheme, separator, rest = url.partition("://")
    password = os.environ.get(_PASSWORD)
    user, at, place = rest.rpartition("@")
    if not (separator and password) or ":" in user:
        return url
    return f"{scheme}://{user}:{quote(password, safe='')}@{place if at else rest}"
