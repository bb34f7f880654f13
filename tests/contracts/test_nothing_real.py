"""A deployment to AWS acts on AWS, whatever a profile of ~/.aws says, and a rehearsal never does."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.inputs import Settings
from pipeline.targets import aws
from tests.support.listening import open_to_others

SUFFIX = "nothing-real"


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Somebody who works with one profile, and whose default one names an emulator; returns the region."""
    for name in ("key", "key.pub"):
        (tmp_path / name).write_text("ssh-ed25519 AAAA nobody\n")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[work]\naws_access_key_id = A\naws_secret_access_key = B\n")
    values = {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "work",
        "TF_VAR_bucket_suffix": SUFFIX,
        "TF_VAR_admin_cidr": "203.0.113.7/32",
        "VAULT_PASSWORD": "of-the-vault",
        "QUICKDATA_SSH_KEY": str(tmp_path / "key"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return "eu-west-3"


async def test_opentofu_asks_aws_and_not_the_emulator_of_the_default_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, person: str
) -> None:
    """Its first request is caught: the emulator's port is the proxy to AWS, too."""
    requests: list[str] = []
    with throwaway_workspace() as directory:
        monkeypatch.setattr(aws, "REPOSITORY", directory / "workspace")
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            assert not open_to_others()
            url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
            (tmp_path / ".aws/config").write_text(f"[default]\nendpoint_url = {url}\n[profile work]\n")
            d = aws.aws_deployment(Settings.read(), Progress(), Report("plan", "aws"))
            (await d.run(d.storage.init())).check()
            plan = d.storage.plan(d.plan_file)
            once = {
                "HTTPS_PROXY": url,
                "AWS_MAX_ATTEMPTS": "1",
            }  # an interrupted OpenTofu waits for all of them
            proxied = replace(plan, env={**plan.env, **once})

            asked = anyio.Event()

            async def answer(stream: SocketStream) -> None:
                async with stream:
                    requests.append((await stream.receive()).decode().splitlines()[0])
                asked.set()

            with anyio.fail_after(120):
                async with anyio.create_task_group() as running:
                    running.start_soon(d.run, proxied)
                    async with anyio.create_task_group() as listening:
                        listening.start_soon(listener.serve, answer)
                        await asked.wait()
                        listening.cancel_scope.cancel()
                    await listener.aclose()  # an interrupted OpenTofu asks again, and waits for an answer
                    running.cancel_scope.cancel()
    assert requests == [f"CONNECT sts.{person}.amazonaws.com:443 HTTP/1.1"]


async def test_a_deployments_own_questions_go_to_aws_too(tmp_path: Path, person: str) -> None:
    (tmp_path / ".aws/config").write_text("[default]\nendpoint_url = http://emulator\n[profile work]\n")
    d = aws.aws_deployment(Settings.read(), Progress(), Report("plan", "aws"))
    assert d.cloud.client("sts").meta.endpoint_url == f"https://sts.{person}.amazonaws.com"
