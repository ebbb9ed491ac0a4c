"""The parts together, and where their programs come from."""

import multiprocessing
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest

from stack import gobuild, tools
from stack.config import Stack
from stack.install import cached, wheel
from stack.process import StackError
from stack.unprivileged import let_through, within_reach


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setenv("SETPOINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_parts_that_were_asked_for_run_and_no_other() -> None:
    with Stack.start(parts=["redis"]) as stack:
        assert stack.redis.cli("PING") is True
        with pytest.raises(StackError, match="runs without the part 'postgres'"):
            _ = stack.postgres
        assert list((stack.run_dir / "logs").iterdir())
    assert not stack.run_dir.exists()


def test_a_part_that_fails_takes_the_others_with_it(
    tmp_path: Path, family: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    executable(assets / "etcd", "exec sleep 600")
    executable(assets / "kube-apiserver", "exit 1")
    executable(assets / "kubectl", "exit 1")
    executable(assets / "etcd", "echo 'no room for the database' >&2; exit 1")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    run_dir = tmp_path / "run"
    with pytest.raises(StackError, match=r"etcd ended with status 1 .*\n.*no room for"):
        Stack.start(run_dir, ["controlplane", "redis"])
    assert list(run_dir.glob("logs/*.log"))
    assert not list(run_dir.rglob("*.process"))
    assert not [p for p in family(os.getpid()).pids if str(run_dir) in command_line(p)]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8")
    except OSError:
        return ""


def test_an_error_while_in_use_ends_it_and_keeps_the_logs() -> None:
    with pytest.raises(ZeroDivisionError), Stack.start(parts=["redis"]) as stack:
        _ = 1 / 0
    assert (stack.run_dir / "logs" / "redis.log").exists()
    assert not list(stack.run_dir.rglob("*.process"))


def test_assets_that_lack_a_program_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "etcd", "exit 0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(
        StackError, match="has no kube-apiserver, kubectl: unset KUBEBUILDER_ASSETS"
    ):
        tools.control_plane()


def _make_slowly(marks: str) -> str:
    def make(directory: Path) -> None:
        Path(marks, str(os.getpid())).touch()
        (directory / "program").touch()

    return str(cached("things", "key", make))


def test_two_that_need_the_same_program_make_it_once(cache: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        found = pool.map(_make_slowly, [str(marks)] * 3)
    assert set(found) == {str(cache / "things" / "key")}
    assert len(list(marks.iterdir())) == 1
    assert [path.name for path in (cache / "things" / "key").iterdir()] == ["program"]


def test_a_failed_build_leaves_nothing_that_looks_like_one(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'case "$1" in version) echo go version go1.99.1;; *) echo no space left; exit 1;; esac'
    executable(tmp_path / "bin" / "go", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(StackError, match="building etcd failed with status 1:\nno space left"):
        gobuild.built_control_plane()
    left = [path.name for path in (cache / "controlplane").iterdir()]
    assert all(name.endswith(".partial") for name in left)


def test_the_users_go_settings_do_not_change_the_build(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        'case "$1" in version) echo go version go1.99.1;;'
        ' *) while [ "$1" != -o ]; do shift; done;'
        ' { echo "#!/bin/sh"; env | sed "s/^/# /"; } > "$2"; chmod +x "$2";; esac'
    )
    executable(tmp_path / "bin" / "go", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name, value in {"GOFLAGS": "-mod=mod", "GOOS": "plan9", "GOWORK": "/x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOPROXY", "https://proxy.example.com")
    lines = (gobuild.built_control_plane() / "kubectl").read_text("utf-8").splitlines()
    assert "# GOFLAGS=-buildvcs=false -mod=readonly" in lines
    assert "# GOTOOLCHAIN=local" in lines
    assert "# GOWORK=off" in lines
    assert "# GOPROXY=https://proxy.example.com" in lines
    assert not [line for line in lines if line.startswith("# GOOS=")]


def test_a_wheel_that_does_not_exist_is_named(cache: Path) -> None:
    with pytest.raises(StackError, match=r"fetching \./no-such-wheel failed"):
        wheel("./no-such-wheel")


def test_a_run_directory_that_the_server_cannot_reach_is_explained(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    run_dir = tmp_path / "closed" / "run"
    run_dir.mkdir(parents=True)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o711)  # pytest closes them
    run_dir.parent.chmod(0o700)
    with pytest.raises(StackError, match=rf"{run_dir.parent} is closed to user nobody, .*/tmp"):
        let_through(run_dir, nobody)
    assert run_dir.parent.stat().st_mode & 0o777 == 0o700


def test_programs_out_of_reach_are_copied_with_their_libraries(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    executable(tmp_path / "home" / "wheel" / "pkg" / "bin" / "server", "exit 0")
    (tmp_path / "home" / "wheel" / "pkg.libs").mkdir()
    (tmp_path / "home").chmod(0o700)
    root = tmp_path / "home" / "wheel"
    copied = within_reach(root / "pkg" / "bin", root, nobody, tmp_path)
    assert (copied / "server").exists()
    assert (copied / ".." / ".." / "pkg.libs").is_dir()
    assert within_reach(root / "pkg" / "bin", root, None, tmp_path) == root / "pkg" / "bin"
