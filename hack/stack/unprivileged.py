"""Running a server that refuses to be root, and the files it must reach then."""

import os
import pwd
import shutil
from pathlib import Path

from stack.process import StackError

_USERS = ("postgres", "nobody")
_OTHERS_ENTER = 0o001


def unprivileged_user() -> int | None:
    """The user id to run as; None when this process is not root, and so may run the server itself.

    Raises StackError.
    """
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise StackError(
        "Postgres does not run as root, and there is no user postgres or nobody to run it: "
        "start the stack as another user"
    )


def let_through(run_dir: Path, user: int | None) -> None:
    """Let `user` pass through the run directory, which is ours; what is in it stays closed.

    Raises StackError if a directory above it, which is not ours to open, is closed.
    """
    if user is None:
        return
    run_dir.chmod(run_dir.stat().st_mode | _OTHERS_ENTER)
    if closed := _closed_to(user, run_dir):
        raise StackError(
            f"{closed} is closed to user {pwd.getpwuid(user).pw_name}, who has to run Postgres in "
            f"{run_dir}: choose a run directory elsewhere, for instance under /tmp"
        )


def within_reach(
    programs: Path, root: Path, user: int | None, run_dir: Path, name: str = "postgres"
) -> Path:
    """`programs`, or their place in a copy of their installation `root` that `user` can reach."""
    if user is None or _closed_to(user, programs) is None:
        return programs
    copy = run_dir / f"{name}-installation" / root.name
    shutil.copytree(root, copy, symlinks=True)
    libraries = root.with_name(f"{root.name}.libs")  # a wheel's, beside its package
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    return copy / programs.relative_to(root)


def _closed_to(user: int, path: Path) -> Path | None:
    """The first directory on the way to `path`, itself included, that `user` cannot enter."""
    for directory in (*reversed(path.parents), path):
        status = directory.stat()
        if not status.st_mode & _OTHERS_ENTER and status.st_uid != user:
            return directory
    return None
