"""quickdata, with LocalStack for AWS and two directories for the nodes; all else is what acts on AWS.

    python -P -m tests.support.emulated_cli SURROUNDINGS VERB [OPTION…]

SURROUNDINGS is a file, so that its password is in no process list: `surroundings` of emulated.py writes it.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.aws import account as storage
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.tofu.stack import Stack


def surroundings(file: Path, workspace: Path) -> Surroundings:
    found: dict[str, Any] = json.loads(file.read_text())
    database = found["database"] | {"bin": Path(found["database"]["bin"])}
    return Surroundings(LocalStack(**found["aws"]), Postgres(**database), workspace, site=None)


def emulate(file: Path) -> None:
    """Give every deployment to AWS that this process makes the emulator's endpoint and local nodes."""
    url = json.loads(file.read_text())["aws"]["endpoint"]

    @dataclass(frozen=True)
    class Emulator(storage.Cloud):
        endpoint: str | None = url

    storage.Cloud = Emulator  # type: ignore[misc] # before anybody imports it

    from pipeline.rehearsal import local_nodes as local  # noqa: PLC0415
    from pipeline.targets import aws  # noqa: PLC0415
    from pipeline.targets import emulator as emulated  # noqa: PLC0415

    around, on_aws = surroundings(file, aws.REPOSITORY), aws.local_states
    where = {
        k: v for k, v in around.aws.environment.items() if not k.startswith(("AWS_ACCESS", "AWS_SECRET"))
    }

    def there(stack: Stack) -> Stack:
        return replace(stack, env={**stack.env, **where, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"})

    def deployment(*arguments: Any) -> Any:
        d = on_aws(*arguments)
        variables = {**d.common, **emulated.endpoint(around.aws), **local.common()}
        stacks = {"storage": there(d.storage), "app": there(d.app)}
        return replace(d, **stacks, common=variables, hosts=local.hosts(around), real_nodes=False)

    aws.local_states = deployment


if __name__ == "__main__":
    emulate(Path(sys.argv.pop(1)))
    from pipeline.cli import start

    start()
