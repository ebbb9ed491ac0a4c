"""`setpoint analyze postgres`, and the role that the documentation advises."""

import json
import re
from pathlib import Path

import pytest

from setpoint import cli
from tests.integration.database.catalog import Database, scan, table

ROOT = Path(__file__).parents[3]


def analyze(*arguments: str) -> int:
    return cli.main(["analyze", "postgres", *arguments])


@pytest.fixture
def scanned(one_database: Database) -> Database:
    one_database.run(*table("bare"), *scan("bare"))
    return one_database


def test_findings_and_the_exit_status_of_a_pipeline(
    scanned: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    url = scanned.uri().replace(":secret@", "@")
    options = [url, "--ca", str(scanned.server.ca_file)]
    assert analyze(*options) == 0
    shown = capsys.readouterr().out
    assert "SequentialScans" in shown
    assert "public.bare" in shown
    assert analyze(*options, "--fail-on", "critical") == 0
    capsys.readouterr()
    assert analyze(*options, "--fail-on", "warning", "--format", "json") == 1
    out = capsys.readouterr().out
    assert "secret" not in out
    found = json.loads(out)["findings"]
    assert ("SequentialScans", "public.bare") in {(f["id"], f["object"]) for f in found}


def test_several_databases_one_of_which_is_not_there(
    scanned: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [scanned.uri(), "--ca", str(scanned.server.ca_file)]
    names = ["--database", scanned.name, "--database", "absent"]
    assert analyze(*options, *names, "--fail-on", "critical") == 3
    shown = capsys.readouterr().out
    assert f"{scanned.name}.public.bare" in shown
    assert "TargetNotFound: database absent" in shown


@pytest.mark.parametrize(
    ("url", "status"),
    [("mysql://a@b/c", 2), ("postgresql://a@localhost:1/c?sslmode=disable", 3)],
)
def test_trouble_is_one_sentence(url: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze(url) == status
    captured = capsys.readouterr()
    assert re.search("SecretInvalid|ConnectionFailed", captured.out + captured.err)
    assert "Traceback" not in captured.err


def test_an_authority_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze("postgresql://a@localhost/c", "--ca", "/does/not/exist") == 2
    assert "/does/not/exist" in capsys.readouterr().err


def test_an_authority_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ca.der"
    file.write_bytes(b"\x30\x82\xff\xfe")
    assert analyze("postgresql://a@localhost/c", "--ca", str(file)) == 2
    assert "no PEM" in capsys.readouterr().err


@pytest.mark.parametrize("memory", ["0", "-4", "much"])
def test_a_machine_has_memory(memory: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        analyze("postgresql://a@localhost/c", "--memory", memory)
    assert caught.value.code == 2
    assert "--memory" in capsys.readouterr().err
