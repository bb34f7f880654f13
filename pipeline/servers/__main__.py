"""Runs one of a rehearsal's servers for other machines, until it is stopped: what a container does.

    python -P -m pipeline.servers localstack|postgres PORT
    python -P -m pipeline.servers forwarder PORT HOST:PORT

PostgreSQL's password comes from the environment, as PGPASSWORD.
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
        port: the TCP port that it listens on.
        target: where a forwarder's connections go, as HOST:PORT.

    Raises:
        ToolError: it did not start.
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
