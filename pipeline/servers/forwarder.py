"""Hands TCP connections on to another address, both ways, until either side ends."""

from functools import partial

import anyio
from anyio.abc import AnyByteReceiveStream, AnyByteSendStream, SocketStream


async def forward(listen: str, port: int, target: str) -> None:
    """Hand every connection on until this process is stopped.

    Args:
        listen: the address to listen on.
        port: the TCP port to listen on.
        target: where connections go, as HOST:PORT.
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
            group.start_soon(_copy, client, server)
            await _copy(server, client)
            group.cancel_scope.cancel()


async def _copy(source: AnyByteReceiveStream, destination: AnyByteSendStream) -> None:
    try:
        async for data in source:
            await destination.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return
