"""Check everything that a deployment needs, within seconds, without a change."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from anyio import create_task_group

from pipeline.deploy.finding import Finding
from pipeline.deploy.plaintext import ANSIBLE_VAULT, EXAMPLE, VAULT, require_encrypted
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, SettingsError, listed
from pipeline.states.ready import require_unlocked
from pipeline.steps.failures import UNKNOWN
from pipeline.steps.step import Step
from pipeline.tofu.stack import AUTOMATION

OLDEST_TOFU = (1, 11)
STEP = re.compile(r"^check: [^:]+: ")
"""How an error of these steps begins. It is removed, because the finding already says what was checked."""
NOT_FOUND = 127
"""The exit code of a shell for a command that does not exist."""


Look = Callable[[], Awaitable[str]]


async def check(d: Deployment) -> list[Finding]:
    """Check tools, credentials, bucket, states, vault and SSH key, all side by side.

    Args:
        d: the deployment; its inputs are already validated.

    Returns:
        The findings in a fixed order. Findings with the same cause are merged into one.
    """
    looks: dict[str, Look] = {
        "OpenTofu": lambda: _tofu(d),
        "Ansible": lambda: _version(d, "ansible-playbook"),
        "account": lambda: _account(d),
        "bucket": lambda: _bucket(d),
        "states": lambda: _states(d),
        "vault": lambda: _vault(d),
        "SSH key": lambda: _ssh_key(d),
    }
    findings: dict[str, Finding] = {}
    async with create_task_group() as group:
        for about, look in looks.items():
            group.start_soon(_look, about, look, findings)
    return _merge_by_cause([findings[about] for about in looks])


def _merge_by_cause(findings: list[Finding]) -> list[Finding]:
    once: dict[tuple[str, ...], Finding] = {}
    for each in findings:
        cause = _cause(each)
        first = once.get(cause)
        once[cause] = replace(first, about=f"{first.about}, {each.about}") if first else each
    return list(once.values())


def _cause(finding: Finding) -> tuple[str, ...]:
    """Return a key for the cause of a finding. Two checks that fail for one reason have the same key."""
    if finding.well:
        return (finding.about,)
    problem = finding.lines[0]
    return (problem, finding.fix, finding.tail if problem.startswith(UNKNOWN) else "")


def require_good(findings: list[Finding], shown: bool = False) -> None:
    """Make sure that no check failed.

    Args:
        findings: the findings of all checks.
        shown: the user has seen the findings, so the error only names them.

    Raises:
        PipelineError: one or more checks failed. Its type is that of the finding with the highest exit code.
    """
    bad = [each for each in findings if not each.well]
    if not bad:
        return
    kind = max((each.kind or PipelineError for each in bad), key=lambda kind: kind.exit_code)
    if shown:
        failed = f"failed checks: {', '.join(each.about for each in bad)}"
        raise kind(failed, "follow the → line of each check, then check again")
    if len(bad) == 1:
        raise kind(f"{bad[0].about}: {bad[0].lines[0]}", bad[0].fix, bad[0].tail)
    what = listed(f"{len(bad)} checks failed:", map(str, bad))
    raise kind(what, "follow the → line of each check, then run again")


async def _look(about: str, look: Look, findings: dict[str, Finding]) -> None:
    try:
        findings[about] = Finding(about, (await look(),))
    except PipelineError as error:
        lines = (STEP.sub("", error.what),)
        findings[about] = Finding(about, lines, fix=error.fix, tail=error.tail, kind=type(error))


async def _tofu(d: Deployment) -> str:
    step = Step("check: OpenTofu", (d.storage.binary, "version", "-json"), env=AUTOMATION)
    version = str(json.loads((await d.run(step)).check().stdout)["terraform_version"])
    if tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".")[:2]) < OLDEST_TOFU:
        raise PipelineError(f"version {version} is too old", "install OpenTofu or Terraform, 1.11 or newer")
    return f"version {version}"


async def _version(d: Deployment, tool: str) -> str:
    return (await d.run(Step(f"check: {tool}", (tool, "--version")))).check().stdout.splitlines()[0]


async def _account(d: Deployment) -> str:
    return f"{await d.cloud.account()} in {d.cloud.region}"


async def _bucket(d: Deployment) -> str:
    if await d.cloud.owns(d.bucket):
        return f"{d.bucket} exists and is yours"
    return f"{d.bucket} does not exist yet: deploy creates it"


async def _states(d: Deployment) -> str:
    where = await d.backend.look()
    if not d.backend.shows_locks:
        return f"{where}; locks were not checked: this place shows a lock only to a run that takes it"
    for stack in (d.storage, d.app):
        await require_unlocked(d, stack)
    return f"{where}; nobody holds a lock"


async def _vault(d: Deployment) -> str:
    await require_encrypted(d)
    if await d.runner.read(VAULT) is None:
        fix = f"`cp {EXAMPLE} {VAULT}`, fill it in, then `{ANSIBLE_VAULT} encrypt {VAULT}`"
        raise PipelineError(f"there is no {VAULT}", fix)
    (await d.run(d.ansible.secrets_fit())).check()
    return f"{VAULT} is encrypted, the password is right, and it has every secret"


async def _ssh_key(d: Deployment) -> str:
    """Compare the private key, which is used to connect, with the public key, which the nodes get."""
    if not d.ansible.secret_files:
        return "not needed for local nodes"
    command = ("bash", "-c", f'ssh-keygen -y -P "" -f "${d.ansible.secret_files[0]}"')
    step = Step("check: SSH key", command, secret_files=d.ansible.secret_files, private=True)
    derived, public = await d.run(step), d.app.env.get("TF_VAR_ssh_public_key", "")
    fix = "name another key in QUICKDATA_SSH_KEY: without a passphrase, and with its own .pub beside it"
    if derived.exit_code == NOT_FOUND:
        return "private and public key were not compared: ssh-keygen is not installed"
    if derived.exit_code:
        raise SettingsError("the SSH key cannot be used: it has a passphrase, or is not a private key", fix)
    if derived.stdout.split()[:2] != public.split()[:2]:
        raise SettingsError("the SSH key and the .pub beside it do not match", fix)
    return "private and public key match"
