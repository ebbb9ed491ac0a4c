"""Findings as text: a table, JSON, Markdown, SARIF for code scanning, JUnit for CI. Pure."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from setpoint import __version__
from setpoint.api.findings import Severity
from setpoint.database import advice_text
from setpoint.database.analysis import Analysed
from setpoint.database.rules import RULES
from setpoint.engine.model import Finding

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def table(seen: Analysed, width: int = 0) -> str:
    """For a terminal of `width` columns; 0 for text without colours, 120 columns wide."""
    out = io.StringIO()
    console = Console(
        file=out, width=width or 120, force_terminal=bool(width), highlight=False, markup=False
    )
    if seen.findings:
        rows = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for name in ("severity", "finding", "object", "what and why"):
            rows.add_column(name, overflow="fold")
        for finding in seen.findings:
            rows.add_row(
                Text(str(finding.severity), style=_STYLES[finding.severity]),
                finding.id,
                _plain(finding.object),
                Text(_plain("\n".join([finding.evidence, f"→ {finding.remedy}", *finding.sql]))),
            )
        console.print(rows)
    for line in advice_text.lines(seen.snapshots):
        console.print(Text(_plain(line)))
    for failure in seen.failures:
        console.print(Text(f"{failure.reason}: {_plain(failure.message)}", style="bold red"))
    console.print(summary(seen))
    return out.getvalue()


def summary(seen: Analysed) -> str:
    """`1 critical, 2 warning, 5 info in 14 tables of 1 database`."""
    numbers = {s: sum(f.severity is s for f in seen.findings) for s in Severity}
    found = ", ".join(
        f"{number} {str(severity).lower()}" for severity, number in numbers.items() if number
    )
    tables = sum(len(snapshot.tables) for snapshot in seen.snapshots)
    databases = len(seen.snapshots)
    where = f"{tables} tables of {databases} database{'' if databases == 1 else 's'}"
    return f"{found or 'no findings'} in {where}"


def as_json(seen: Analysed) -> str:
    """One object: findings, failures, databases."""
    return json.dumps(
        {
            "findings": [_finding(finding) for finding in seen.findings],
            "failures": [{"reason": str(f.reason), "message": f.message} for f in seen.failures],
            "databases": [
                {
                    "name": snapshot.database,
                    "serverVersion": snapshot.server.version,
                    "tables": len(snapshot.tables),
                    "indexes": len(snapshot.indexes),
                    "statisticsSince": snapshot.stats_since.isoformat(),
                    **(
                        {"indexAdvice": advice_text.as_json(snapshot.advice)}
                        if snapshot.advice is not None
                        else {}
                    ),
                }
                for snapshot in seen.snapshots
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def markdown(seen: Analysed) -> str:
    """A table, and the statements below it."""
    lines = ["| severity | finding | object | evidence | remedy |", "|---|---|---|---|---|"]
    for finding in seen.findings:
        cells = (
            str(finding.severity), finding.id, f"`{finding.object}`", finding.evidence,
            finding.remedy,
        )  # fmt: skip
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    lines += ["", summary(seen)]
    lines += [f"- {failure.reason}: {_cell(failure.message)}" for failure in seen.failures]
    if advised := advice_text.lines(seen.snapshots):
        fence = "~" * max(3, *(_longest_run(line, "~") + 1 for line in advised))
        lines += ["", fence, *(_plain(line) for line in advised), fence]
    statements = [line for finding in seen.findings for line in finding.sql]
    if statements:
        fence = "~" * max(3, *(_longest_run(line, "~") + 1 for line in statements))
        lines += ["", f"{fence}sql", *(f"{_plain(line)};" for line in statements), fence]
    return "\n".join(lines)


def sarif(seen: Analysed) -> str:
    """SARIF 2.1.0: one run, a rule for each id, a logical location for each object."""
    about = {rule.id: rule.when for rule in reversed(RULES)}
    run = {
        "tool": {
            "driver": {
                "name": "setpoint",
                "version": __version__,
                "rules": [
                    {"id": name, "fullDescription": {"text": text}}
                    for name, text in sorted(about.items())
                ],
            }
        },
        "results": [
            {
                "ruleId": finding.id,
                "level": _LEVELS[finding.severity],
                "message": {
                    "text": f"{finding.object}: {finding.message} ({finding.evidence}). "
                    f"Remedy: {finding.remedy}"
                },
                "locations": [
                    {"logicalLocations": [{"fullyQualifiedName": finding.object}]},
                ],
                "partialFingerprints": {"finding/v1": f"{finding.id}/{finding.object}"},
            }
            for finding in seen.findings
        ],
        "invocations": [
            {
                "executionSuccessful": not seen.failures,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{f.reason}: {f.message}"}}
                    for f in seen.failures
                ],
            }
        ],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def junit(seen: Analysed, fail_on: Severity = Severity.INFO) -> str:
    """A test case for each rule without findings and for each finding.

    A finding is a failure from `fail_on` on, else it is in the test case's output.
    """
    suite = ET.Element("testsuite", name="setpoint analyze postgres")
    for rule in sorted({rule.id for rule in RULES} - {finding.id for finding in seen.findings}):
        ET.SubElement(suite, "testcase", classname="setpoint.postgres", name=rule)
    failures = 0
    for finding in seen.findings:
        name = f"{finding.id} {_plain(finding.object)}"
        case = ET.SubElement(suite, "testcase", classname="setpoint.postgres", name=name)
        text = _plain("\n".join([finding.evidence, finding.remedy, *finding.sql]))
        if finding.severity.rank <= fail_on.rank:
            failures += 1
            ET.SubElement(
                case, "failure", type=str(finding.severity), message=_plain(finding.message)
            ).text = text
        else:
            ET.SubElement(case, "system-out").text = text
    for failure in seen.failures:
        case = ET.SubElement(
            suite, "testcase", classname="setpoint.postgres", name=str(failure.reason)
        )
        ET.SubElement(case, "error", type=str(failure.reason), message=_plain(failure.message))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", str(len(seen.failures)))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode")


FORMATS: Mapping[str, Callable[[Analysed], str]] = {
    "table": table,
    "json": as_json,
    "markdown": markdown,
    "sarif": sarif,
    "junit": junit,
}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "object": finding.object,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "message": finding.message,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "sql": list(finding.sql),
    }


def _plain(text: str) -> str:
    """Without what would steer a terminal: a name in a database is any text."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cell(text: str) -> str:
    return _plain(text).replace("\n", " ").replace("|", "\\|")


def _longest_run(text: str, of: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == of else 0
        longest = max(longest, run)
    return longest
