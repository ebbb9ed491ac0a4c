"""The last steps of a child before it becomes its program; run as a script, not imported.

Arguments: the parent's pid or 0, a user id or -1, then the command. With a parent's pid the kernel
ends the child with SIGKILL when the thread that started it is gone (prctl(2), PR_SET_PDEATHSIG:
cleared by a change of user, kept over exec, hence here and in this order). A script of its own
instead of Popen's `preexec_fn`, which may deadlock in a program with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NOT_FOUND = 127


def main(parent: int, user: int, command: list[str]) -> None:
    """Change the user, tie the process to its parent, become `command`."""
    if user >= 0:
        _become(user)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the process that started this one is gone")
    # What is ignored stays so over exec: Python ignores two, a shell's background job three more.
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(_NOT_FOUND)


def _become(user: int) -> None:
    import pwd  # noqa: PLC0415 - 20 ms of every other start

    os.setgroups([])
    os.setgid(pwd.getpwuid(user).pw_gid)
    os.setuid(user)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
