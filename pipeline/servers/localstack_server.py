"""Run LocalStack on exactly the address of GATEWAY_LISTEN, with its S3 objects in a directory of its own.

LocalStack 4.13 ignores the host of GATEWAY_LISTEN: it listens on all IPv4 addresses, and checks itself on
127.0.0.1. It keeps the objects in one fixed directory below /tmp, which no setting changes. So two servers
would delete each other's objects, and other users could not use a directory that root has created.

    python -P localstack_server.py DIRECTORY
"""

import os
import sys
from functools import partial
from typing import Any

from localstack import config
from localstack.runtime.main import main
from localstack.services.s3 import provider
from localstack.utils import net
from twisted.internet import endpoints

(ADDRESS,) = config.GATEWAY_LISTEN
ALLOWED = (ADDRESS.host, "127.0.0.1", "::1")
OPEN_TO_ALL = ADDRESS.host == "0.0.0.0"  # noqa: S104 - in a container of its own


def refuse_other_addresses(event: str, arguments: tuple[Any, ...]) -> None:
    """End this process before it listens on another address, as another version of LocalStack might do.

    Args:
        event: the audit event, see sys.addaudithook.
        arguments: the arguments of the event.
    """
    if event != "socket.bind" or OPEN_TO_ALL:
        return
    _, address = arguments
    if isinstance(address, tuple) and address[0] not in ALLOWED:
        sys.stderr.write(f"LocalStack binds to {address}; it may listen on {ADDRESS.host} only\n")
        sys.stderr.flush()
        os._exit(1)


def is_open(*_port: object, look: Any = net.is_port_open) -> bool:
    """Tell whether LocalStack already listens."""
    return bool(look(f"http://{ADDRESS}"))


sys.addaudithook(refuse_other_addresses)
net.is_port_open = is_open  # type: ignore[assignment]
endpoints.TCP4ServerEndpoint = partial(  # type: ignore[misc, assignment]
    endpoints.TCP4ServerEndpoint, interface=ADDRESS.host
)
provider.DEFAULT_S3_TMP_DIR = sys.argv[1]
main()  # type: ignore[no-untyped-call]
