"""Everything that is asked of the API server, through kubectl: its contexts and log-ins apply."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setpoint.api import GROUP
from setpoint.api.kinds import KINDS

Object = Mapping[str, Any]
"""A resource as the API server tells it."""

_TIMEOUT_SECONDS = 60


class PluginError(Exception):
    """What went wrong, in words for whoever typed the command."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl with its options that choose a cluster, a user and a namespace."""

    program: str = "kubectl"
    options: tuple[str, ...] = ()

    def list(self, plurals: Sequence[str], *where: str) -> list[Object]:
        """The resources of some kinds, by kind, namespace and name. Raises PluginError."""
        names = ",".join(f"{plural}.{GROUP}" for plural in plurals)
        answer = json.loads(self.run("get", names, *where, "-o", "json"))
        items: list[Object] = answer["items"]
        order = [kind.names.kind for kind in KINDS]
        return sorted(items, key=lambda item: (order.index(item["kind"]), *name_of(item)))

    def patch(self, item: Object, patch: object, kind: str) -> None:
        """Patch a resource; `kind` is merge or json. Raises PluginError."""
        namespace, name = name_of(item)
        self.run(
            "patch", resource_of(item), name, "-n", namespace, f"--type={kind}", "-p",
            json.dumps(patch),
        )  # fmt: skip

    def annotate(self, item: Object, annotation: str, value: str) -> None:
        """Set an annotation. Raises PluginError."""
        namespace, name = name_of(item)
        where = [resource_of(item), name, "-n", namespace, "--overwrite"]
        self.run("annotate", *where, f"{annotation}={value}")

    def wait(self, item: Object, path: str, value: str, seconds: float) -> None:
        """Wait until a field has a value. Raises PluginError when it has not in time."""
        namespace, name = name_of(item)
        try:
            self.run(
                "wait", f"{resource_of(item)}/{name}", "-n", namespace,
                f"--for=jsonpath={{{path}}}={value}", f"--timeout={seconds:g}s",
                timeout=seconds + _TIMEOUT_SECONDS,
            )  # fmt: skip
        except PluginError as error:
            if "timed out waiting" not in str(error):
                raise
            raise PluginError(
                f"it was not looked at within {seconds:g} s: does an operator run that watches it?"
            ) from None

    def run(self, *arguments: str, timeout: float = _TIMEOUT_SECONDS) -> str:
        """What kubectl prints. Raises PluginError with what it says when it fails."""
        command = [self.program, *arguments, *self.options]
        try:
            done = subprocess.run(  # noqa: S603 - kubectl of the user's own PATH
                command, capture_output=True, text=True, timeout=timeout, check=False
            )
        except FileNotFoundError:
            raise PluginError("kubectl is not on the PATH: install it") from None
        except subprocess.TimeoutExpired:
            raise PluginError("the API server does not answer") from None
        if done.returncode:
            raise PluginError(_said(done.stderr) or f"kubectl {arguments[0]} failed")
        return done.stdout


def _said(text: str) -> str:
    """What kubectl says, without the log of its library and its own `error: `."""
    lines = [line for line in text.strip().splitlines() if not _LOG.match(line)]
    return "\n".join(lines).strip().removeprefix("error: ")


def name_of(item: Object) -> tuple[str, str]:
    """Namespace and name."""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def resource_of(item: Object) -> str:
    """How kubectl calls its kind: `dbtunings.setpoint.dev`."""
    plural = next(kind.names.plural for kind in KINDS if kind.names.kind == item["kind"])
    return f"{plural}.{GROUP}"


def is_kind(word: str) -> bool:
    """Whether a word names a kind, or all."""
    try:
        plurals_named(word)
    except PluginError:
        return False
    return True


def plurals_named(word: str) -> list[str]:
    """The kinds that a word means: a kind, its plural or short name, or `all`. Raises
    PluginError."""
    names = [kind.names for kind in KINDS]
    if word == "all":
        return [name.plural for name in names]
    wanted = word.lower().removesuffix(f".{GROUP}")
    for name in names:
        if wanted in (name.kind.lower(), name.plural, name.singular, *name.short):
            return [name.plural]
    known = ", ".join(name.plural for name in names)
    raise PluginError(f"there is no kind {word}: it is one of {known}, or all")


_LOG = re.compile(r"[IWEF]\d{4} \d\d:\d\d:")
