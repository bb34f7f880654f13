"""LocalStack in host mode, from its PyPI package: it replaces AWS in a rehearsal."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws.account import session
from pipeline.machine.network import without_proxy
from pipeline.servers.process import LOOPBACK, free_port, reached_at, serving
from pipeline.steps.masks import EMULATOR_KEY, KEY_PAIR

REGION = "eu-west-3"

ACCOUNT = "000000000000"
"""The account that LocalStack answers with: no real account has this number."""

AMIS = Path(__file__).with_name("amis.json")
"""The machine images in which OpenTofu looks for Debian."""

SERVER = Path(__file__).with_name("localstack_server.py")


@dataclass(frozen=True)
class LocalStack:
    """A running LocalStack.

    Args:
        endpoint: the URL, with an IP address, so that S3 clients use path style.
        region: the region that the rehearsal uses.
    """

    endpoint: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any AWS client use this LocalStack."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            **dict.fromkeys(KEY_PAIR, EMULATOR_KEY),
            "AWS_REGION": self.region,
            "AWS_MAX_ATTEMPTS": "3",
            "AWS_EC2_METADATA_DISABLED": "true",
            **without_proxy(urlsplit(self.endpoint).hostname or LOOPBACK),
        }


@asynccontextmanager
async def localstack(
    directory: Path, region: str = REGION, listen: str = LOOPBACK, port: int | None = None
) -> AsyncIterator[LocalStack]:
    """Run LocalStack during the block.

    Args:
        directory: a directory of its own, for its files and its log.
        region: the region that clients should use.
        listen: the address to listen on.
        port: the TCP port; None chooses a free one.

    Raises:
        ToolError: LocalStack did not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    server = LocalStack(f"http://{reached_at(listen)}:{port}", region)
    command = (sys.executable, "-P", str(SERVER), str(directory / "objects"))
    sts = sts_client(server)

    async def ready() -> bool:
        return await to_thread.run_sync(answers, sts)

    async with serving("LocalStack", command, _env(directory, listen, port), directory / "log", ready):
        yield server


def _env(directory: Path, listen: str, port: int) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "GATEWAY_LISTEN": f"{listen}:{port}",
        "SERVICES": "s3,iam,sts,ec2",
        "DNS_ADDRESS": "0",
        "OVERRIDE_IN_DOCKER": "0",  # in a container, LocalStack would expect its own image
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "MOTO_AMIS_PATH": str(AMIS),
        "FILESYSTEM_ROOT": str(directory / "state"),
    }


def sts_client(server: LocalStack) -> Any:
    """Return a client to check whether LocalStack is ready. Make it once: this takes longer than a check."""
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=60, proxies={})
    keys = {name.lower(): server.environment[name] for name in KEY_PAIR}
    return session(keys, server.region).client("sts", endpoint_url=server.endpoint, config=once)


def answers(sts: Any) -> bool:
    """Tell whether LocalStack is ready.

    Args:
        sts: the client from `sts_client`.
    """
    try:
        return bool(sts.get_caller_identity()["Account"] == ACCOUNT)
    except (BotoCoreError, ClientError):
        return False
