"""The verb deploy: what its report says beside the proofs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from pipeline.deploy.agreement import refuse
from pipeline.deployment import Deployment
from pipeline.verbs.deploy import deploy
from tests.support.recording import RecordingRunner, deployment, said_by_ansible


async def test_the_report_warns_where_nobody_hears_that_archiving_fails() -> None:
    unheard = (0, said_by_ansible(json.dumps({"label": None, "heard": False})))
    d = deployment(RecordingRunner({"physical backup": unheard}))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Deployment]:
        yield d

    call: Any = SimpleNamespace(deployment=opened, agreement=lambda _: refuse)
    await deploy(call)
    warning, proof, *_ = d.report.lines()
    assert warning.startswith("! nobody hears when archiving fails: set pg_backup_notify in ")
    assert proof.startswith("✓ deploy and verify: ")
