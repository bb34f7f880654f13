"""A drill whose keys end while it goes on: S3 takes each key for some requests, and STS gives others."""

import json
from pathlib import Path

import pytest

from pipeline.aws.account import Cloud
from pipeline.backups.drill import DrillRequest, drill
from pipeline.backups.places import at, own
from pipeline.errors import PipelineError
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.profile import WebIdentity
from tests.support.backup_node import Node
from tests.support.expiring_keys import GOOD_FOR, expiring_keys

KEYS = {"aws_access_key_id": "key-of-nobody", "aws_secret_access_key": "secret-of-nobody"}


async def drilled(cloud: Cloud, node: Node) -> Report:
    report = Report("drill", "localstack")
    await drill(cloud, node.bucket, DrillRequest(node.database), Progress(), report, at(own))
    return report


async def test_a_drill_that_outlasts_its_keys_gets_others_by_the_token(node: Node, uploads: Path) -> None:
    with expiring_keys(node.storage.endpoint) as proxy:
        role = WebIdentity("arn:aws:iam::1:role/drill", "canary-of-a-token")
        cloud = Cloud(KEYS, node.storage.region, proxy.url, identity=role)
        report = await drilled(cloud, node)
    assert [key for key in node.objects() if key.endswith("verified.json")]
    assert len([key for key in proxy.used if key.startswith("KEY")]) > 1
    assert proxy.used.total() > GOOD_FOR, "one key would have been enough"
    assert all("RoleSessionName=quickdata" in each for each in proxy.asked)
    assert all("WebIdentityToken=canary-of-a-token" in each for each in proxy.asked)
    assert "canary" not in json.dumps(vars(report))


async def test_keys_that_end_fail_a_drill_that_has_no_token(node: Node, uploads: Path) -> None:
    """Otherwise the proxy would prove nothing."""
    with expiring_keys(node.storage.endpoint) as proxy:
        cloud = Cloud(KEYS, node.storage.region, proxy.url)
        with pytest.raises(PipelineError):
            await drilled(cloud, node)
