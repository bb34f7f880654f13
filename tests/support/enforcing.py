"""MiniStack from its PyPI package: an AWS that enforces policies, which LocalStack does not."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread

from pipeline.servers.localstack import REGION, LocalStack, answers, sts_client
from pipeline.servers.process import LOOPBACK, free_port, serving


@asynccontextmanager
async def enforcing(directory: Path) -> AsyncIterator[LocalStack]:
    """Run it beside the block; to its clients it is a LocalStack.

    The key "test" is the account's root there, and may do everything.

    Args:
        directory: an own directory for its files and its log.

    Raises:
        ToolError: it did not start.
    """
    directory.mkdir(parents=True)
    port = free_port()
    server = LocalStack(f"http://{LOOPBACK}:{port}", REGION)
    sts = sts_client(server)

    async def ready() -> bool:
        return await to_thread.run_sync(answers, sts)

    command = (sys.executable, "-P", "-m", "ministack")
    async with serving("MiniStack", command, _env(directory, port), directory / "log", ready):
        yield server


def _env(directory: Path, port: int) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "LC_ALL": "C.UTF-8",
        "AUTH": "true",
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "SERVICES": "s3,iam,sts,ec2",
        "S3_DATA_DIR": str(directory / "objects"),
        "STATE_DIR": str(directory / "state"),
        "DOCKER_HOST": f"unix://{directory}/none",  # it would remove containers that it takes for its own
        "IOT_MTLS_ENABLED": "0",  # a port of its own
    }
