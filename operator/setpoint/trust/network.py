"""Hosts that may be reached, by address after resolution; the address is then pinned.

Refused by default: loopback, link-local (with the cloud's metadata service), multicast, reserved
and unspecified addresses, and other known metadata addresses. The Kubernetes API server is always
refused.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Collection

from setpoint.api.conditions import Reason
from setpoint.config import Config, Networks
from setpoint.engine.failure import Failure

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services outside the link-local ranges: AWS over IPv6, Alibaba Cloud, Oracle Cloud.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")
)


class Network:
    """The allow and deny lists of the configuration in force (it may be reloaded)."""

    def __init__(
        self, config: Callable[[], Config], api_server: Collection[tuple[Address, int]] = ()
    ) -> None:
        self._config = config
        self._api_server = frozenset(api_server)

    async def pin(self, host: str, port: int) -> str:
        """The address to connect to for `host`.

        Raises Failure: CONNECTION_FAILED where the name does not resolve, HOST_REFUSED where any
        of its addresses may not be reached. Connect to what is returned, never to the name again:
        it may resolve differently by then.
        """
        addresses = await resolve(host, port)
        if refused := [address for address in addresses if not self.permits(address, port)]:
            raise Failure(
                Reason.HOST_REFUSED,
                f"the host named in the Secret resolves to {refused[0]}, which the operator may "
                "not reach: see networks.allow in the operator's configuration",
            )
        return str(addresses[0])

    def permits(self, address: Address, port: int) -> bool:
        """Whether the address may be reached on that port."""
        address = _unwrap(address)
        if (address, port) in self._api_server:
            return False
        networks = self._config().networks
        if any(address in network for network in networks.deny):
            return False
        if any(address in network for network in networks.allow):
            return True
        return not (
            address.is_loopback
            or address.is_link_local
            or address.is_multicast
            or address.is_reserved
            or address.is_unspecified
            or address in _METADATA
        )


def _unwrap(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def unrestricted() -> Network:
    """For commands without Kubernetes: who runs one may reach what their own machine can."""
    every = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    config = Config(networks=Networks(allow=every))
    return Network(lambda: config)


async def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host name. Raises Failure(CONNECTION_FAILED) where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failure(
            Reason.CONNECTION_FAILED,
            "the host named in the Secret does not resolve: check its name",
        ) from None
    return [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
