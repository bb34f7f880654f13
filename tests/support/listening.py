"""Who can reach a server: what listens on the loopback alone is refused at the machine's other addresses.

127.0.0.2 reaches whatever listens on all IPv4 addresses, and ::1 whatever listens on all of IPv6: no packet
of a test leaves the machine.
"""

import errno
import socket
from urllib.parse import urlsplit

import psutil

LOOPBACK = "127.0.0.1"
ADDRESSES = (LOOPBACK, "127.0.0.2", "::1")
NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH)


def answers(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    except OSError as error:
        if ":" in address and error.errno in NO_IPV6:
            return False
        raise
    return True


def on_loopback_alone(where: str | int) -> bool:
    """Whether a server answers at 127.0.0.1, and is refused elsewhere.

    Args:
        where: its URL, or its port.
    """
    port = where if isinstance(where, int) else urlsplit(where).port
    assert port
    return answering(port) == [LOOPBACK]


def answering(port: int) -> list[str]:
    """Those of the addresses at which something listens."""
    return [each for each in ADDRESSES if answers(each, port)]


def open_to_others() -> set[tuple[str, int]]:
    """Where this process, and what it has started, listen besides 127.0.0.1."""
    family = psutil.Process(), *psutil.Process().children(recursive=True)
    found = {place for process in family for place in _listens(process)}
    return {(address, port) for address, port in found if address != LOOPBACK}


def _listens(process: psutil.Process) -> list[tuple[str, int]]:
    try:
        sockets = process.net_connections("tcp")
    except psutil.NoSuchProcess:  # it has just ended
        return []
    return [(each.laddr.ip, each.laddr.port) for each in sockets if each.status == psutil.CONN_LISTEN]
