"""Secrets that lie in a checkout unencrypted: found, told without their values, and refused by every verb."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from pipeline.ansible.playbooks import Ansible
from pipeline.deploy.check import check, require_good
from pipeline.deploy.order import deploy
from pipeline.deploy.plaintext import EXAMPLE, require_encrypted
from pipeline.deploy.preview import preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, SettingsError
from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.workspace import REAL
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Runner
from tests.support.recording import VAULT, RecordingRunner, deployment
from tests.support.ssh_keys import lay_key

CANARY = "canary-of-a-password"
ALL = "infrastructure/ansible/group_vars/all"
PEM = "-----BEGIN {}PRIVATE KEY-----\n{}\n-----END {}PRIVATE KEY-----\n"
COMMAND = re.compile(r"`([^`]+)`")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The real infrastructure without anything of this checkout's own, and an encrypted vault."""
    real = [name for name in REAL if not name.startswith("vault")]
    ignore = shutil.ignore_patterns("vault.yml", *real)
    shutil.copytree(REPOSITORY / "infrastructure", tmp_path / "copy/infrastructure", ignore=ignore)
    (tmp_path / "copy" / VAULT).write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    return tmp_path / "copy"


@pytest.fixture
def ansible_vault(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-vault where `make install` puts it, and a password that it need not ask for."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/ansible-vault").symlink_to(Path(sys.executable).with_name("ansible-vault"))
    (checkout.parent / "password").write_text("sesame")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(checkout.parent / "password"))


def type_in(checkout: Path, command: str) -> None:
    subprocess.run(command, shell=True, cwd=checkout, check=True, capture_output=True)


def on(checkout: Path, password_file: str = "") -> Deployment:
    env = {"ANSIBLE_VAULT_PASSWORD_FILE": password_file} if password_file else {}
    runner = HostRunner(checkout, {}, Progress())
    return replace(deployment(RecordingRunner()), runner=runner, ansible=Ansible(env))


async def refused(checkout: Path, password_file: str = "") -> str:
    with pytest.raises(SettingsError) as caught:
        await require_encrypted(on(checkout, password_file))
    assert caught.value.exit_code == 2
    assert CANARY not in str(caught.value)
    return str(caught.value)


async def test_a_checkout_whose_vault_is_encrypted_is_let_pass(checkout: Path) -> None:
    await require_encrypted(on(checkout, str(checkout / "infrastructure/ansible/vault-password.sh")))


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        (VAULT, f"vault_db_password: {CANARY}\n", "vault_db_password"),
        (VAULT, f"---\nvault_a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\nother: {CANARY}\n", "other"),
        (VAULT, f"vault_a: [{CANARY}\n", "vault_a"),
        (VAULT, f"{CANARY}: : :\n", "it is not YAML"),
        (f"{ALL}/vault.yaml", f"vault_db_password: {CANARY}\n", "vault_db_password"),
        (f"{ALL}/vault.yml.bak", f'"vault_db_password" : "{CANARY}"\n', "vault_db_password"),
        (f"{ALL}/vault.yml~", f"vault_db_password: |\n  {CANARY}\n", "vault_db_password"),
        (f"{ALL}/vault", f'{{"vault_db_password": "{CANARY}"}}', "vault_db_password"),
        (f"{ALL}/.vault.yml.old", f"vault_db: {{password: {CANARY}}}\n", "vault_db"),
        (f"{ALL}/mine.yml", f"x: &a {{y: {CANARY}}}\nvault_x: *a\n", "vault_x"),
        (f"{ALL}/mine.yml", f"nocodb_db_password: {CANARY}\r\n", "nocodb_db_password"),
        ("infrastructure/ansible/host_vars/database.yml", f"vault_x: [{CANARY}]\n", "vault_x"),
        ("infrastructure/ansible/vault.yml", f"vault_x:\n  {CANARY}\n", "vault_x"),
        (str(EXAMPLE), f'vault_db_password: "{CANARY}"\n', "vault_db_password"),
        ("vault.yml", f"vault_db_password: {CANARY}\n", "vault_db_password"),
        ("secrets/vault.yml", f"vault_db_password: {CANARY}\n", "vault_db_password"),
        (VAULT, f"$ANSIBLE_VAULT;1.1;AES256\nvault_db_password: {CANARY}\n", "vault_db_password"),
        (f"{ALL}/gitlab.yml", f"gitlab_pat: {CANARY}\n", "gitlab_pat"),
        (f"{ALL}/sudo.yml", f"ansible_become_password: {CANARY}\n", "ansible_become_password"),
        (f"{ALL}/main.yml", f"pg_backup_notify:\n  - json://x:{CANARY}@y\n", "pg_backup_notify"),
        (f"{ALL}/main.yml", f"pg_backup_ping_url: https://x/{CANARY}\n", "pg_backup_ping_url"),
        ("infrastructure/ansible/hosts.ini", f"[all:vars]\nvault_db={CANARY}\n", "vault_db"),
        ("export.sh", "export AWS_ACCESS_KEY_ID=AKIA" + "0" * 16, "an AWS access key or a GitLab token"),
        ("x.auto.tfvars", 'pat = "glpat-' + "x" * 20 + '"\n', "an AWS access key or a GitLab token"),
    ],
)
async def test_a_plain_secret_among_ansibles_variables_is_refused_by_path_and_name(
    checkout: Path, path: str, text: str, name: str
) -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout / path).write_bytes(text.encode())
    assert f"  {path}: {name}; " in await refused(checkout)


@pytest.mark.parametrize(
    "text",
    [
        'vault_db_password: ""\nvault_x:\nvault_y: ~\n',
        "vault_db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
        "vault_db_password: \"{{ lookup('ansible.builtin.env', 'DB') }}\"\n",
        "# vault_db_password: as in the vault\n",
        "vault_a: &loop [*loop]\n",
        "x: run -e vault_x={{ vault_x }} -e vault_y=\n",
    ],
)
async def test_what_is_empty_encrypted_or_read_from_elsewhere_is_let_pass(checkout: Path, text: str) -> None:
    for path in (VAULT, f"{ALL}/more.yml"):
        (checkout / path).write_text(text)
    await require_encrypted(on(checkout))


@pytest.mark.usefixtures("ansible_vault")
async def test_the_command_that_the_refusal_gives_encrypts_the_vault(checkout: Path) -> None:
    (checkout / VAULT).write_text(f"vault_db_password: {CANARY}\n")
    type_in(checkout, COMMAND.findall(await refused(checkout))[0])
    assert (checkout / VAULT).read_text().startswith("$ANSIBLE_VAULT;")
    await require_encrypted(on(checkout))


@pytest.mark.usefixtures("ansible_vault")
async def test_a_filled_in_example_becomes_the_vault_by_the_commands_that_are_given(checkout: Path) -> None:
    for words in ("init -q", "add .", "-c user.name=x -c user.email=x@example.org commit -qm x"):
        type_in(checkout, f"git {words}")
    (checkout / VAULT).unlink()
    (checkout / EXAMPLE).write_text(f"vault_db_password: {CANARY}\n")
    for command in COMMAND.findall(await refused(checkout)):
        type_in(checkout, command)
    assert CANARY not in (checkout / EXAMPLE).read_text()
    assert (checkout / VAULT).read_text().startswith("$ANSIBLE_VAULT;")
    await require_encrypted(on(checkout))


async def test_a_private_key_without_a_passphrase_is_refused_wherever_it_lies(checkout: Path) -> None:
    lay_key(checkout / "my key")
    assert "my key: a private key; `mv 'my key' ~/.ssh/`" in await refused(checkout)


@pytest.mark.parametrize("kind", ["", "RSA ", "EC "])
async def test_a_private_key_in_pem_is_refused_too(checkout: Path, kind: str) -> None:
    (checkout / "infrastructure/node.pem").write_text(PEM.format(kind, "MIIBAAAA", kind))
    assert "infrastructure/node.pem: a private key" in await refused(checkout)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("key", PEM.format("ENCRYPTED ", "MIIBAAAA", "ENCRYPTED ")),
        ("key", PEM.format("RSA ", "Proc-Type: 4,ENCRYPTED\n\nMIIB", "RSA ")),
        ("key", PEM.format("OPENSSH ", "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI", "OPENSSH ")),
        (".secrets/KEY.1.ab", PEM.format("", "MIIBAAAA", "")),
        (".venv/lib/site-packages/x/test.pem", PEM.format("", "MIIBAAAA", "")),
        ("tests/test_x.py", "vault_db_password: x\n"),
        (".env", "export AWS_ACCESS_KEY_ID=AKIA0123456789ABCDEF\n"),
    ],
)
async def test_a_locked_key_a_running_steps_and_other_peoples_files_are_let_pass(
    checkout: Path, path: str, text: str
) -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout / path).write_text(text)
    await require_encrypted(on(checkout))


async def test_an_access_key_in_a_stacks_variables_is_refused(checkout: Path) -> None:
    file = checkout / "infrastructure/terraform/terraform.tfvars"
    file.write_text(f'access_key = "AKIA0123456789ABCDEF"\nsecret_key = "{CANARY}"\n')
    said = await refused(checkout)
    assert "terraform.tfvars: an AWS access key" in said
    assert "AKIA0123456789ABCDEF" not in said


async def test_the_vaults_password_beside_the_vault_is_refused_and_a_script_is_not(checkout: Path) -> None:
    file = checkout / ".vault-pass"
    file.write_text(CANARY)
    said = await refused(checkout, str(file))
    assert ".vault-pass: the vault's password; `mv .vault-pass ~/`" in said
    file.chmod(0o700)
    await require_encrypted(on(checkout, str(file)))
    (checkout.parent / "elsewhere").write_text(CANARY)
    await require_encrypted(on(checkout, str(checkout.parent / "elsewhere")))


async def test_all_of_them_are_told_at_once(checkout: Path) -> None:
    for path in (VAULT, str(EXAMPLE), f"{ALL}/vault.yml.bak"):
        (checkout / path).write_text(f"vault_db_password: {CANARY}\n")
    lay_key(checkout / "key")
    said = await refused(checkout)
    assert [said.count(f"  {path}: ") for path in (VAULT, EXAMPLE, f"{ALL}/vault.yml.bak", "key")] == [1] * 4


async def test_check_plan_and_deploy_refuse_a_plain_vault_before_anything_is_made_ready() -> None:
    runner = RecordingRunner()
    runner.files[VAULT] = f"vault_db_password: {CANARY}\n"
    d = deployment(runner)
    with pytest.raises(PipelineError, match="plain text"):
        require_good(await check(d))
    for verb in (deploy(d), preview(d, SavedPlans(PurePosixPath("/kept")))):
        with pytest.raises(PipelineError, match=r"ansible-vault encrypt infrastructure/ansible/group_vars"):
            await verb
    assert "check: vault" not in runner.names
    assert not [name for name in runner.names if name.split(": ")[0] in ("storage", "app")]


async def test_containers_find_what_this_machine_finds(runner: Runner, tmp_path: Path) -> None:
    for path in (VAULT, f"{ALL}/vault.yml.bak"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"vault_db_password: {CANARY}\n")
    env = {"ANSIBLE_VAULT_PASSWORD_FILE": str(tmp_path / "password")}
    (tmp_path / "password").write_text(CANARY)
    d = replace(deployment(RecordingRunner()), runner=runner, ansible=Ansible(env))
    with pytest.raises(SettingsError) as caught:
        await require_encrypted(d)
    assert [line.split(":")[0].strip() for line in caught.value.what.splitlines()[1:]] == [
        VAULT,
        f"{ALL}/vault.yml.bak",
        "password",
    ]
    assert CANARY not in str(caught.value)


async def test_no_step_of_it_shows_what_it_reads(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (checkout / VAULT).write_text(f"vault_db_password: {CANARY}\n")
    d = replace(on(checkout), runner=HostRunner(checkout, {}, Progress(verbose=True)))
    with pytest.raises(SettingsError):
        await require_encrypted(d)
    assert CANARY not in "".join(capfd.readouterr())
    assert CANARY not in "".join(d.report.files().values())
