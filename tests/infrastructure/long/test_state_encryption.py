"""States encrypted with a passphrase: by OpenTofu, from plain ones too, and read by the app."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.deployment import Deployment
from pipeline.errors import SettingsError
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers.localstack import LocalStack
from pipeline.states.ready import prepare_stack
from pipeline.steps.step import Step
from pipeline.tofu import binary as tools
from pipeline.tofu import encryption
from pipeline.tofu.backends.local import Local
from tests.support.stacks import BUCKET, applied, deployment, pending

PASSPHRASE = 'canary "passphrase" ${of} %{nobody}'
REAL = shutil.which("tofu")
needs_tofu = pytest.mark.skipif(REAL is None, reason="no tofu on PATH: Terraform cannot encrypt a state")


def with_passphrase(d: Deployment, passphrase: str) -> Deployment:
    held = {
        encryption.PASSPHRASE: passphrase,
        encryption.VARIABLE: encryption.configuration(passphrase),
    }
    root = Path(d.runner.root)
    runner = HostRunner(root, held, Progress(), (Path(sys.executable).parent,), root / "home")
    storage, app = (replace(each, secrets=(encryption.VARIABLE,)) for each in (d.storage, d.app))
    return replace(d, runner=runner, backend=Local(runner), storage=storage, app=app)


def state(d: Deployment) -> str:
    return Path(d.runner.root / d.storage.workdir / "terraform.tfstate").read_text()


@pytest.fixture(scope="module")
def plain(localstack: LocalStack) -> Iterator[Deployment]:
    """A storage whose state is plain, and then encrypted by the next change."""
    with throwaway_workspace() as directory:
        d = deployment(directory / "workspace", localstack, "sealed")
        anyio.run(_apply, d)
        yield d


async def _apply(d: Deployment) -> None:
    for stack in (d.storage, d.app):
        await prepare_stack(d, stack)
    await applied(d, d.storage, BUCKET)
    assert '"resources"' in state(d)
    sealed = with_passphrase(d, PASSPHRASE)
    assert await pending(sealed, sealed.app)
    await applied(sealed, sealed.storage, "aws_s3_bucket_versioning.backups")


@needs_tofu
def test_a_plain_state_is_read_and_encrypted_when_it_is_next_written(plain: Deployment) -> None:
    assert "encrypted_data" in json.loads(state(plain))
    assert "aws_s3_bucket" not in state(plain)


@needs_tofu
async def test_the_app_reads_the_encrypted_state(plain: Deployment) -> None:
    d = with_passphrase(plain, PASSPHRASE)
    assert await pending(d, d.app)
    assert (await prepare_stack(d, d.storage)).outputs["s3_bucket_name"] == d.bucket


@needs_tofu
async def test_a_wrong_passphrase_is_told_as_what_it_is(plain: Deployment) -> None:
    d = with_passphrase(plain, "a wrong passphrase of nobody")
    for stack in (d.storage, d.app):
        with pytest.raises(SettingsError, match="cannot be decrypted with this passphrase"):
            await pending(d, stack)


@needs_tofu
async def test_a_missing_passphrase_is_told_as_what_it_is(plain: Deployment) -> None:
    with pytest.raises(SettingsError, match="the state is encrypted"):
        await pending(plain, plain.storage)


@needs_tofu
async def test_the_passphrase_is_in_no_file_of_the_workspace(plain: Deployment) -> None:
    files = [path for path in Path(plain.runner.root).rglob("*") if path.is_file() and not path.is_symlink()]
    small = [path.read_bytes() for path in files if path.stat().st_size < 10_000_000]
    assert len(small) > 20
    assert not [1 for text in small if b'canary "pass' in text or b'canary \\"pass' in text]


async def test_the_runner_masks_the_passphrase(tmp_path: Path) -> None:
    held = {encryption.PASSPHRASE: PASSPHRASE, encryption.VARIABLE: encryption.configuration(PASSPHRASE)}
    runner = HostRunner(tmp_path, held, Progress())
    say = "import os; print(os.environ['TF_ENCRYPTION'])"
    result = await runner.run(Step("say", (sys.executable, "-c", say), secrets=(encryption.VARIABLE,)))
    assert result.stdout.strip()
    assert "canary" not in result.stdout


def test_with_terraform_it_is_said_that_encryption_needs_opentofu() -> None:
    with pytest.raises(SettingsError, match="needs OpenTofu") as caught:
        encryption.require_tofu("/usr/local/bin/terraform")
    assert encryption.PASSPHRASE in caught.value.fix
    encryption.require_tofu(str(tools.cache() / "tofu"))
