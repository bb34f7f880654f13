"""Plans and lost states on LocalStack: planned, applied as planned, lost, adopted, nothing left to do."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import pytest

from pipeline.ansible import inventory
from pipeline.ansible.playbooks import INVENTORY, PLAYBOOKS
from pipeline.deploy import adopt, planning
from pipeline.deploy import order as deploy
from pipeline.deploy.adopt import IMPORTS, Adopted
from pipeline.deploy.gate import gate_app
from pipeline.deploy.preview import Preview, preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, PlanRefused, StateLost, most_telling
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import LocalStack
from pipeline.targets.emulator import lay_vault, vault
from pipeline.tofu.plan import Change
from tests.support.stacks import BUCKET, applied, deployment

SUFFIX = "adopted"
NODE = 'aws_instance.node["database"]'
OTHERS_OF_STORAGE = ("aws_s3_bucket_versioning.backups", "aws_s3_bucket_policy.backups")
DAYS = 30


@dataclass
class Story:
    """What was seen, in order."""

    workspace: Path
    plans: list[Preview] = field(default_factory=list)
    files: list[dict[str, int]] = field(default_factory=list)
    applied: list[Change] = field(default_factory=list)
    refused: dict[str, PipelineError] = field(default_factory=dict)
    imported: list[list[str]] = field(default_factory=list)
    adopted: dict[str, Adopted] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def state(self, folder: str) -> Path:
        return self.workspace / "infrastructure" / folder / "terraform.tfstate"

    @property
    def kept(self) -> Path:
        return self.workspace.parent / "plan"

    def everything(self) -> dict[str, bytes]:
        """Return all files but the tools' own caches and what a run of Ansible leaves in its home."""
        paths = (p for p in (self.workspace / "infrastructure").rglob("*") if p.is_file())
        return {str(p): p.read_bytes() for p in paths if ".terraform" not in str(p)}


@pytest.fixture(scope="module")
def story(localstack: LocalStack) -> Iterator[Story]:
    with throwaway_workspace() as directory:
        told = Story(directory / "workspace")
        d = deployment(told.workspace, localstack, SUFFIX)
        app = replace(d.app, env={**d.app.env, "TF_VAR_domain": "nocodb.example.org"})
        anyio.run(_tell, replace(d, app=app), told)
        yield told


async def _tell(d: Deployment, told: Story) -> None:
    await lay_vault(d, vault())
    before = told.everything()
    await _preview(d, told)
    told.left = sorted(told.everything().keys() ^ before.keys())
    await applied(d, d.storage, BUCKET, *OTHERS_OF_STORAGE)
    _configure_the_rest(d)
    await _preview(d, told)
    await _apply_the_app_as_planned(d, told)
    await _lose_and_adopt(d, told)
    await _configure_nodes(d)
    await _preview(d, told)


async def _preview(d: Deployment, told: Story) -> None:
    told.plans.append(await preview(d, SavedPlans(PurePosixPath(told.kept))))
    told.files.append({p.name: stat.S_IMODE(p.stat().st_mode) for p in told.kept.iterdir()})


def _configure_the_rest(d: Deployment) -> None:
    """Do by hand what the provider waits a minute for."""
    rules: list[dict[str, Any]] = [
        {
            "ID": "abort-unfinished-uploads",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "forget-old-versions",
            "NoncurrentVersionExpiration": {"NoncurrentDays": DAYS},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
    ]
    rules = [{**rule, "Status": "Enabled", "Filter": {"Prefix": ""}} for rule in rules]
    d.cloud.client("s3").put_bucket_lifecycle_configuration(
        Bucket=d.bucket, LifecycleConfiguration={"Rules": rules}
    )


async def _apply_the_app_as_planned(d: Deployment, told: Story) -> None:
    kept = SavedPlans(PurePosixPath(told.kept))
    await _another_in_its_place(d, told, kept)
    app = (await kept.plans(d, await deploy.prepare_stacks(d)))["app"]
    told.applied = list(app.changes)
    await planning.apply(d, gate_app(app))
    await _refused(told, "manifest", deploy.deploy(d, kept))
    await _refused(told, "tofu", planning.apply(d, gate_app(app)))


async def _another_in_its_place(d: Deployment, told: Story, kept: SavedPlans) -> None:
    """Change the plan's file, then let others write in the folder, then put all back as it was."""
    file = told.kept / "app.tfplan"
    shown = file.read_bytes()
    file.write_bytes(shown + b"another")
    await _refused(told, "another plan", deploy.deploy(d, kept))
    file.write_bytes(shown)
    told.kept.chmod(0o777)
    await _refused(told, "open folder", deploy.deploy(d, kept))
    told.kept.chmod(0o700)


async def _lose_and_adopt(d: Deployment, told: Story) -> None:
    for name, folder in (("storage", "terraS3"), ("app", "terraform")):
        told.state(folder).unlink()
        await _refused(told, name, deploy.deploy(d))
        stack = d.storage if name == "storage" else d.app
        told.adopted[name] = await adopt.adopt(d, stack)
        assert not (told.state(folder).parent / IMPORTS).exists()
    told.imported = [each["changes"] for each in d.report.plans if "import " in str(each["changes"])]


async def _refused(told: Story, name: str, doing: Any) -> None:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await doing
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    told.refused[name] = error


async def _configure_nodes(d: Deployment) -> None:
    outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    await d.runner.write(INVENTORY, inventory.render(outputs, d.common, d.hosts))
    for name in PLAYBOOKS:
        (await d.run(d.ansible.playbook(name))).check()


def test_before_the_bucket_exists_only_storage_is_planned_and_the_rest_is_deferred(story: Story) -> None:
    first = story.plans[0]
    assert set(first.plans) == {"storage"}
    assert set(first.deferred) == {"app", *PLAYBOOKS}
    assert first.counts() == {"create": 7, "update": 0, "delete": 0}
    assert first.changes
    assert story.files[0] == dict.fromkeys(["manifest.json", "plan.json", "storage.tfplan"], 0o600)


def test_a_plan_leaves_nothing_behind_but_its_folder(story: Story) -> None:
    assert story.left == []


def test_once_the_bucket_exists_both_stacks_are_planned_and_what_costs_money_is_told(story: Story) -> None:
    second = story.plans[1]
    assert set(second.plans) == {"storage", "app"}
    assert set(second.deferred) == set(PLAYBOOKS)
    page = second.page()
    assert f"+ {NODE}: instance t3.medium, disk 20 GiB gp3, public IPv4 address" in page
    assert "+ aws_ebs_volume.postgres: volume 20 GiB gp3" in page
    assert "+ aws_eip.manager[0]: public IPv4 address" in page
    assert "app: 28 to create" in page
    assert story.files[1].keys() == {"manifest.json", "plan.json", "storage.tfplan", "app.tfplan"}


def test_exactly_the_saved_plan_is_applied(story: Story) -> None:
    assert story.applied == list(story.plans[1].plans["app"].changes)


def test_a_saved_plan_that_is_not_the_one_shown_is_refused(story: Story) -> None:
    assert "not the plan that was shown: app.tfplan" in story.refused["another plan"].what
    assert "can be changed by other users" in story.refused["open folder"].what


def test_a_saved_plan_that_was_applied_is_stale_by_its_manifest_and_by_the_tool(story: Story) -> None:
    for name in ("manifest", "tofu"):
        assert isinstance(story.refused[name], PlanRefused)
        assert "stale" in story.refused[name].what
        assert story.refused[name].exit_code == 3


@pytest.mark.parametrize("name", ["storage", "app"])
def test_a_lost_state_is_refused_and_adopt_is_named(story: Story, name: str) -> None:
    assert isinstance(story.refused[name], StateLost)
    assert f"quickdata adopt {name}" in story.refused[name].fix


def test_everything_of_the_app_is_imported_and_only_the_key_pair_is_made_anew(story: Story) -> None:
    assert story.adopted["app"] == Adopted(28, ())
    changes = story.imported[-1]
    assert len([each for each in changes if each.startswith("import ")]) == 28
    others = {each for each in changes if not each.startswith(("import ", "update "))}
    assert others == {"replace aws_key_pair.admin"}


def test_everything_of_storage_is_imported(story: Story) -> None:
    assert story.adopted["storage"] == Adopted(7, ())


def test_after_the_adoption_a_plan_changes_nothing_nor_do_the_playbooks(story: Story) -> None:
    last = story.plans[-1]
    assert not last.refusals
    for heading in ("storage: no changes", "app: no changes", "what costs money:\n  no changes"):
        assert heading in last.page(), last.page()
    assert set(last.playbooks) == set(PLAYBOOKS)
    assert not last.changes
    assert json.loads((story.kept / "plan.json").read_text()) == {"create": 0, "update": 0, "delete": 0}
