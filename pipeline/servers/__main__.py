"""Runs one of a rehearsal's servers for other machines, until it is stopped: what a container does.

    python -P -m pipeline.servers localstack|postgres PORT

PostgreSQL's password comes from the environment, as PGPASSWORD.
"""

import os
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio

from pipeline.errors import PipelineError
from pipeline.servers.localstack import localstack
from pipeline.servers.postgres import postgres
from pipeline.servers.process import ANYWHERE

DIRECTORY = Path("/var/lib/quickdata")


def _server(name: str, port: int) -> AbstractAsyncContextManager[Any]:
    if name == "localstack":
        return localstack(DIRECTORY / name, listen=ANYWHERE, port=port)
    return postgres(DIRECTORY / name, listen=ANYWHERE, port=port, password=os.environ["PGPASSWORD"])


async def serve(name: str, port: int) -> None:
    """Run a server until this process is stopped.

    Raises:
        ToolError: it did not start.
    """
    async with _server(name, port):
        await anyio.sleep_forever()


if __name__ == "__main__":
    try:
        anyio.run(serve, sys.argv[1], int(sys.argv[2]))
    except PipelineError as error:
        sys.exit(str(error))
