"""Ports on loopback for servers that cannot choose one themselves."""

import socket


class Port:
    """A port that nobody else is given while this object lives, over restarts of the server too.

    A socket stays bound to it without listening. With SO_REUSEADDR, which all our servers set,
    Linux lets one other socket listen there, and hands the port to nobody who asks for a free one.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def __str__(self) -> str:
        return str(self.number)

    def release(self) -> None:
        """Give it back."""
        self._socket.close()


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
