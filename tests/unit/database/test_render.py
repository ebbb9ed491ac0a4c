"""The analysis as text: nothing is lost, nothing of a name is taken for markup."""

import json
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.unit.database.a_database import snapshot

from setpoint.api.conditions import Reason
from setpoint.api.findings import Severity
from setpoint.database import command, render
from setpoint.database.analysis import Analysed
from setpoint.database.rules import RULES
from setpoint.engine.failure import Failure
from setpoint.engine.model import Finding

EVIL = 'public."a|b\x1b[31m[red]</x>~~~"'
FOUND = [
    Finding("SequenceNearEnd", "public.s", Severity.CRITICAL, "m", "99% used", "bigint"),
    Finding("UnusedIndex", EVIL, Severity.INFO, "m", "0 scans", "drop it", [f"DROP INDEX {EVIL}"]),
]
SEEN = Analysed(FOUND, [], [snapshot()])
BROKEN = Analysed([], [Failure(Reason.TLS_FAILED, "no TLS")], [])


@pytest.mark.parametrize("form", sorted(render.FORMATS))
def test_every_format_has_every_finding_and_steers_no_terminal(form: str) -> None:
    text = render.FORMATS[form](SEEN)
    assert "\x1b[31m[red]" not in text
    for finding in FOUND:
        assert finding.id in text
        assert finding.evidence in text
    assert "TLSFailed" in render.FORMATS[form](BROKEN)


def test_a_table_says_how_much_was_looked_at() -> None:
    assert "1 critical, 1 info in 1 tables of 1 database" in render.table(SEEN)
    assert "no findings" in render.table(Analysed([], [], [snapshot()]))
    assert "\x1b[" in render.table(SEEN, width=80)


def test_json_is_whole() -> None:
    document = json.loads(render.as_json(SEEN))
    assert [item["object"] for item in document["findings"]] == ["public.s", EVIL]
    assert document["databases"][0]["name"] == "shop"


def test_markdown_has_a_cell_for_each_part() -> None:
    lines = render.markdown(SEEN).splitlines()
    for line in lines[:4]:
        assert line.replace("\\|", "").count("|") == 6
    assert "~~~~sql" in lines, "the fence is longer than any in a statement"


def test_sarif_names_rule_level_and_place() -> None:
    document: dict[str, Any] = json.loads(render.sarif(SEEN))
    [run] = document["runs"]
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert known == {rule.id for rule in RULES}
    assert [result["level"] for result in run["results"]] == ["error", "note"]
    [place] = run["results"][1]["locations"]
    assert place["logicalLocations"] == [{"fullyQualifiedName": EVIL}]
    physical = place["physicalLocation"]
    assert unquote(physical["artifactLocation"]["uri"]) == f"postgres/{EVIL}"
    assert urlsplit(physical["artifactLocation"]["uri"])[:2] == ("", ""), "it is relative"
    assert physical["region"] == {"startLine": 1}
    assert run["invocations"][0]["executionSuccessful"]
    [broken] = json.loads(render.sarif(BROKEN))["runs"]
    assert not broken["invocations"][0]["executionSuccessful"]


def test_junit_fails_from_a_severity_on() -> None:
    suite = ET.fromstring(render.junit(SEEN, Severity.WARNING))  # noqa: S314 - our own text
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    assert int(suite.get("tests", 0)) == len(suite) == len({rule.id for rule in RULES})
    assert ET.fromstring(render.junit(SEEN)).get("failures") == "2"  # noqa: S314
    assert ET.fromstring(render.junit(BROKEN)).get("errors") == "1"  # noqa: S314


@pytest.mark.parametrize(
    ("seen", "fail_on", "status"),
    [
        (SEEN, None, 0),
        (SEEN, Severity.CRITICAL, command.FOUND),
        (Analysed(FOUND[1:], [], []), Severity.CRITICAL, 0),
        (Analysed(FOUND[1:], [], []), Severity.INFO, command.FOUND),
        (BROKEN, None, command.FAILED),
        (Analysed(FOUND, BROKEN.failures, []), Severity.CRITICAL, command.FAILED),
    ],
)
def test_the_exit_status(seen: Analysed, fail_on: Severity | None, status: int) -> None:
    assert command.status(seen, fail_on) == status
