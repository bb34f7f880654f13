"""Forward TCP connections to another address, both ways, until either side ends or the connection is idle."""

import math
from contextlib import suppress
from functools import partial

import anyio
from anyio import BrokenResourceError, CancelScope, ClosedResourceError
from anyio.abc import SocketStream

IDLE = 20.0
"""How many seconds after an answer an idle connection is closed.

A server closes an idle connection (LocalStack after 60 s), but a tunnel of the Dagger engine does not report
this, and the client's next request would wait for ever. If the forwarder closes the connection, the client
connects again.
"""


async def forward(listen: str, port: int, target: str) -> None:
    """Forward every connection until this process is stopped.

    Args:
        listen: the address to listen on.
        port: the TCP port to listen on.
        target: the address to forward to, as HOST:PORT.
    """
    host, _, its_port = target.rpartition(":")
    listener = await anyio.create_tcp_listener(local_host=listen, local_port=port)
    async with listener:
        await listener.serve(partial(_connect, host, int(its_port)))


async def _connect(host: str, port: int, client: SocketStream) -> None:
    async with client:
        try:
            server = await anyio.connect_tcp(host, port)
        except OSError:  # the client sees its connection closed
            return
        async with server, anyio.create_task_group() as group:
            connection = group.cancel_scope
            connection.deadline = anyio.current_time() + IDLE
            group.start_soon(_ask, client, server, connection)
            await _answer(server, client, connection)
            connection.cancel()


async def _ask(client: SocketStream, server: SocketStream, connection: CancelScope) -> None:
    with suppress(BrokenResourceError, ClosedResourceError):
        async for data in client:
            connection.deadline = math.inf  # an answer may take any time
            await server.send(data)
    connection.deadline = min(connection.deadline, anyio.current_time() + IDLE)


async def _answer(server: SocketStream, client: SocketStream, connection: CancelScope) -> None:
    with suppress(BrokenResourceError, ClosedResourceError):
        async for data in server:
            connection.deadline = math.inf  # a client may read slowly
            await client.send(data)
            connection.deadline = anyio.current_time() + IDLE
