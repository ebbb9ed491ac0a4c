"""Helm, with a home of its own: nothing of the user's configuration or plugins reaches it."""

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from stack import gobuild
from stack.process import StackError, clean_environment

CHART = Path(__file__).parents[2] / "deploy/helm/setpoint"
_SECONDS = 120


def render(
    values: Mapping[str, Any],
    *more: str,
    release: str = "setpoint",
    namespace: str = "setpoint-system",
    chart: Path = CHART,
) -> list[dict[str, Any]]:
    """The manifests of the chart with `values`. Raises StackError with helm's words."""
    text = run("template", release, str(chart), f"--namespace={namespace}", *more, values=values)
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def run(
    *arguments: str, values: Mapping[str, Any] | None = None, kubeconfig: Path | None = None
) -> str:
    """Run a command of helm; what it printed. Raises StackError with its words."""
    with tempfile.TemporaryDirectory(prefix="helm-") as home:
        files: Iterable[str] = () if values is None else ("--values=-",)
        result = subprocess.run(
            [str(gobuild.built_helm()), *arguments, *files],
            input=None if values is None else yaml.safe_dump(dict(values)),
            stdin=subprocess.DEVNULL if values is None else None,
            capture_output=True, text=True, check=False, timeout=_SECONDS,
            env={
                **clean_environment(),
                "HOME": home,
                **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {}),
            },
        )  # fmt: skip
    if result.returncode:
        raise StackError(f"helm {arguments[0]} failed:\n{result.stderr}{result.stdout}")
    return result.stdout


def install(
    kubeconfig: Path,
    values: Mapping[str, Any],
    *,
    release: str = "setpoint",
    namespace: str = "setpoint-system",
) -> None:
    """Install or upgrade a release, with definitions that are there already; the namespace is made.

    Raises StackError.
    """
    run(
        "upgrade", "--install", release, str(CHART), f"--namespace={namespace}",
        "--create-namespace", "--take-ownership", values=values, kubeconfig=kubeconfig,
    )  # fmt: skip
