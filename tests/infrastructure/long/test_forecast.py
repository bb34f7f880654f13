"""The forecast of a first deployment on LocalStack, by both tools, with states on this machine and in S3."""

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from pipeline.deploy.preview import preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deployment import keep_states_in
from pipeline.servers.localstack import LocalStack
from pipeline.targets.emulator import lay_vault, vault
from pipeline.tofu.backends.s3 import S3
from tests.support.stacks import BUCKET, deployment

NODE = 'aws_instance.node["database"]'
KEPT = PurePosixPath("plan")


@pytest.mark.parametrize("place", ["local", "s3"])
@pytest.mark.parametrize("tool", ["tofu", "terraform"])
async def test_a_first_plan_foresees_the_whole_app_and_leaves_nothing_of_it(
    localstack: LocalStack, workspace: Path, tool: str, place: str
) -> None:
    if not (binary := shutil.which(tool)):
        pytest.skip(f"{tool} is not on PATH: the forecast is tested with the other tool alone")
    d = deployment(workspace, localstack, f"forecast-{tool}")
    d = replace(d, storage=replace(d.storage, binary=binary), app=replace(d.app, binary=binary))
    if place == "s3":
        d = keep_states_in(d, S3(d.cloud, f"{d.bucket}-tfstate"))
    await lay_vault(d, vault())
    found = await preview(d, SavedPlans(KEPT))
    assert set(found.forecasts) == ({"app"} if place == "local" else {"storage", "app"})
    assert {NODE, "aws_vpc.main"} <= set(found.forecasts["app"].created)
    assert f"  + {NODE}: instance t3.medium, disk 20 GiB gp3" in found.page()
    assert place == "local" or BUCKET in found.forecasts["storage"].created
    assert not (workspace / KEPT / "app.tfplan").exists()
    left = [
        path for name in ("*.tfstate", "forecast-*") for path in (workspace / "infrastructure").rglob(name)
    ]
    assert [path for path in left if path.parent.name != ".terraform" or path.is_dir()] == []
    assert not await d.cloud.owns(f"{d.bucket}-tfstate")
