"""Run one server of a rehearsal in a container, for other containers, until it is stopped.

    python -P -m pipeline.servers localstack|postgres PORT
    python -P -m pipeline.servers forwarder PORT HOST:PORT

The environment has PostgreSQL's password as PGPASSWORD.
"""

import os
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio

from pipeline.errors import PipelineError
from pipeline.servers.forwarder import forward
from pipeline.servers.localstack import localstack
from pipeline.servers.postgres import postgres
from pipeline.servers.process import ANYWHERE

DIRECTORY = Path("/var/lib/quickdata")


def _server(name: str, port: int) -> AbstractAsyncContextManager[Any]:
    if name == "localstack":
        return localstack(DIRECTORY / name, listen=ANYWHERE, port=port)
    return postgres(DIRECTORY / name, listen=ANYWHERE, port=port, password=os.environ["PGPASSWORD"])


async def serve(name: str, port: int, *target: str) -> None:
    """Run a server until this process is stopped.

    Args:
        name: localstack, postgres or forwarder.
        port: the TCP port to listen on.
        target: the target of a forwarder, as HOST:PORT.

    Raises:
        ToolError: the server did not start.
    """
    if name == "forwarder":
        await forward(ANYWHERE, port, *target)
    async with _server(name, port):
        await anyio.sleep_forever()


if __name__ == "__main__":
    try:
        anyio.run(serve, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
    except PipelineError as error:
        sys.exit(str(error))
