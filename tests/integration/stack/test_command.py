"""`python -m stack`: however it ends, nothing of it stays unless asked to."""

import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from stack.__main__ import main

EVERYTHING = ("--part", "controlplane", "--part", "postgres", "--part", "redis")
DATA = ("--part", "postgres", "--part", "redis")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_its_like_end_everything_and_clean_up(
    start_command: Any, family: Any, tmp_path: Path, number: signal.Signals
) -> None:
    command = start_command("up", *(EVERYTHING if number is signal.SIGINT else DATA))
    described = command.described()
    assert Path(described["run_dir"]).parent == tmp_path
    members = family(command.process.pid, with_root=False)
    assert len(members.pids) >= 2
    assert all(address.startswith("0100007F:") for address in members.listening())
    status, errors = command.finish(number)
    assert (status, errors) == (0, "stack: ending\n")
    assert members.still_there() == []
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_it_starts_ends_what_has_started(
    start_command: Any, family: Any, tmp_path: Path
) -> None:
    command = start_command("up", *EVERYTHING)
    while not list(tmp_path.glob("*/logs/kube-apiserver.process")):
        assert command.process.poll() is None
    members = family(command.process.pid, with_root=False)
    status, errors = command.finish(signal.SIGINT)
    assert (status, errors) == (130, "")
    assert members.still_there() == []
    assert not list(tmp_path.rglob("*.process"))


def test_kill_9_of_the_parent_ends_everything(start_command: Any, family: Any) -> None:
    command = start_command("up", *EVERYTHING)
    command.described()
    members = family(command.process.pid, with_root=False)
    assert len(members.listening()) == 4  # kube-apiserver, Postgres, Redis twice
    command.finish(signal.SIGKILL)
    assert members.still_there() == []


def test_keep_leaves_it_running_and_down_ends_it(
    start_command: Any, family: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "kept"
    command = start_command("up", "--keep", *DATA, str(directory))
    described = command.described()
    command.finish()
    with redis.Redis.from_url(described["redis"]) as client:
        client.set("still", "there")
    with psycopg.connect(described["postgres"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    pids = [int(path.read_text("utf-8").split()[0]) for path in directory.rglob("*.process")]
    members = [family(pid) for pid in pids]
    assert len(members) == 2

    assert main(["up", str(directory)]) == 1
    assert f"python -m stack down {directory}" in capsys.readouterr().err
    assert main(["down", str(directory)]) == 0
    assert "ended " in capsys.readouterr().err
    assert [one.still_there() for one in members] == [[], []]
    assert main(["down", str(directory)]) == 0
    assert f"nothing of {directory} was running" in capsys.readouterr().err


def test_down_of_what_is_no_directory_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["down", str(tmp_path / "typo")]) == 1
    assert "typo is not a directory" in capsys.readouterr().err
