"""The forwarder: whole answers both ways, many connections, and a target that is not there."""

import anyio
import pytest
from anyio.abc import SocketStream

from pipeline.servers import forwarder
from pipeline.servers.forwarder import forward
from pipeline.servers.process import LOOPBACK, free_port

SENT = bytes(range(256)) * 4096
"""A megabyte."""
SHORT = 0.2
"""Seconds."""


async def echo(client: SocketStream) -> None:
    async with client:
        async for data in client:
            await client.send(data)


async def connect(port: int) -> SocketStream:
    """Connect to the forwarder, which has only been asked to start."""
    with anyio.fail_after(5):
        while True:
            try:
                return await anyio.connect_tcp(LOOPBACK, port)
            except OSError:
                await anyio.lowlevel.checkpoint()


async def ask(port: int) -> bytes:
    answer = b""
    async with await connect(port) as stream, anyio.create_task_group() as group:
        group.start_soon(stream.send, SENT)
        while len(answer) < len(SENT):
            answer += await stream.receive()
    return answer


async def test_what_is_sent_arrives_whole_and_so_does_the_answer_on_many_connections() -> None:
    there, here = await anyio.create_tcp_listener(local_host=LOOPBACK), free_port()
    port = there.extra(anyio.abc.SocketAttribute.local_port)
    answers: list[bytes] = []

    async def note() -> None:
        answers.append(await ask(here))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as servers:
            servers.start_soon(there.serve, echo)
            servers.start_soon(forward, LOOPBACK, here, f"{LOOPBACK}:{port}")
            async with anyio.create_task_group() as clients:
                for _ in range(5):
                    clients.start_soon(note)
            servers.cancel_scope.cancel()
    assert answers == [SENT] * 5


async def answer_late(client: SocketStream) -> None:
    """Answer after several times the seconds that a connection may be idle."""
    async with client:
        await client.receive()
        await anyio.sleep(SHORT * 5)
        await client.send(b"late")
        await anyio.sleep_forever()


async def test_a_late_answer_arrives_and_then_the_idle_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server itself never closes it, as behind a tunnel that does not tell."""
    monkeypatch.setattr(forwarder, "IDLE", SHORT)
    there, here = await anyio.create_tcp_listener(local_host=LOOPBACK), free_port()
    port = there.extra(anyio.abc.SocketAttribute.local_port)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as servers:
            servers.start_soon(there.serve, answer_late)
            servers.start_soon(forward, LOOPBACK, here, f"{LOOPBACK}:{port}")
            async with await connect(here) as stream:
                await stream.send(b"question")
                assert await stream.receive() == b"late"
                with pytest.raises(anyio.EndOfStream):
                    await stream.receive()
            servers.cancel_scope.cancel()


async def test_where_nobody_answers_the_client_sees_its_connection_closed() -> None:
    here = free_port()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as servers:
            servers.start_soon(forward, LOOPBACK, here, f"{LOOPBACK}:{free_port()}")
            async with await connect(here) as stream:
                with pytest.raises(anyio.EndOfStream):
                    await stream.receive()
            servers.cancel_scope.cancel()
