"""On which addresses processes listen."""

import contextlib
import ipaddress
from collections.abc import Iterable

import psutil


def listening(processes: Iterable[psutil.Process]) -> set[str]:
    """The IP addresses of their sockets that wait for somebody; of those that end meanwhile none."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {
                one.laddr.ip
                for one in process.net_connections(kind="inet")
                if one.status == psutil.CONN_LISTEN or (one.status == psutil.CONN_NONE and not one.raddr)
            }
    return found


def exposed(processes: Iterable[psutil.Process]) -> set[str]:
    """Those that are not loopback's."""
    return {address for address in listening(processes) if not _is_loopback(address)}


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    # Ray's servers have ::ffff:127.0.0.1, which is 127.0.0.1 on a socket for both kinds of addresses.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
