"""Each step of the Dockerfile works in a clean environment, without an engine to build it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNPRIVILEGED = 65532


def instructions() -> list[tuple[str, str]]:
    """(instruction, argument) of every line, in order."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return [
        (line.split()[0], line.split(maxsplit=1)[1])
        for line in lines
        if line and not line.startswith("#")
    ]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build stage's COPY and RUN steps make, under a root of its own."""
    root = tmp_path_factory.mktemp("image")
    for name in ("src", "opt", "dist"):
        (root / name).mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    for kind, argument in instructions():
        if kind == "FROM" and "AS build" not in argument:
            break
        if kind == "COPY":
            *sources, target = argument.split()
            for source in sources:
                copy(ROOT / source, root / "src" / target, source)
        if kind == "RUN":
            moved = re.sub(r"(?<![\w.])/(opt|dist)\b", rf"{root}/\1", argument)
            command = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", moved)
            command = command.replace(f"{sys.executable} -m pip", f"{root}/opt/setpoint/bin/pip")
            done = subprocess.run(
                ["sh", "-ec", command],
                cwd=root / "src", capture_output=True, text=True, check=False, env=environment,
            )  # fmt: skip
            assert done.returncode == 0, f"RUN {argument}\n{done.stdout}\n{done.stderr}"
    for directory in (root, root.parent, root.parent.parent):
        directory.chmod(0o755)  # pytest's own are closed to others
    return root


def copy(source: Path, target: Path, name: str) -> None:
    if source.is_dir():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
    else:
        into = target / source.name if target.name in ("", ".") or name != target.name else target
        if target.suffix or target.name == source.name:
            into = target
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, into)


def run(image: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The entry point as the image runs it: a bare environment, and no rights.

    Where this machine keeps its Python in root's home, no other user can start it.
    """
    is_reachable = os.geteuid() == 0 and not Path(sys.base_prefix).is_relative_to("/root")
    user = UNPRIVILEGED if is_reachable else None
    return subprocess.run(
        [image / "opt/setpoint/bin/setpoint", *arguments],
        cwd="/", capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip


def test_the_entry_point_runs_in_a_bare_environment(image: Path) -> None:
    done = run(image, "--version")
    assert done.stdout.startswith("setpoint "), done.stderr


def test_a_missing_configuration_is_said_in_a_sentence(image: Path) -> None:
    done = run(image, "run", "--config", "/nonexistent/config.yaml")
    assert done.returncode == 2
    assert "/nonexistent/config.yaml: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_cluster_is_said_in_a_sentence(image: Path) -> None:
    config = image / "config.yaml"
    config.write_text("{}")
    done = run(image, "run", "--config", str(config), "--listen", "127.0.0.1:0")
    assert done.returncode == 2
    assert "set KUBECONFIG" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_image_holds_no_test_tools_and_is_not_root() -> None:
    found = dict(reversed(instructions()))
    assert found["USER"] == "65532:65532"
    assert found["ENTRYPOINT"] == '["setpoint"]'
    lock = (ROOT / "requirements/runtime.lock").read_text()
    assert not re.search(r"^(pytest|moto|ruff|mypy)==", lock, re.MULTILINE)
