"""unlock and migrate-state, typed by a person."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.settings.suffix import bucket_name
from tests.support import stacks
from tests.support.clouds import cloud_of
from tests.support.emulated import checkout
from tests.support.gitlab_server import PAT, PROJECT, USER, GitLab

QUICKDATA = str(Path(sys.executable).with_name("quickdata"))
STATE = "quickdata-ppr-storage"
LEFT = {"ID": "1-2-3", "Who": USER, "Created": "2026-01-02T03:04:05.678Z"}


@pytest.fixture
def environment(tmp_path: Path, server: GitLab) -> dict[str, str]:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "TF_VAR_bucket_suffix": "ppr",
        "TF_VAR_admin_cidr": "203.0.113.7/32",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-key-of-nobody",
        "VAULT_PASSWORD": "vault-password-of-nobody",
        "QUICKDATA_SSH_KEY": str(tmp_path / "key"),
        "QUICKDATA_STATE": "gitlab",
        "GITLAB_URL": server.url,
        "GITLAB_PROJECT": PROJECT,
        "GITLAB_USER": USER,
        "GITLAB_PAT": PAT,
    }


def typed(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [QUICKDATA, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert PAT not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize(("answer", "broken", "code"), [("n", False, 1), ("y", True, 0)])
def test_unlock_shows_owner_and_age_and_asks(
    environment: dict[str, str], server: GitLab, answer: str, broken: bool, code: int
) -> None:
    server.locks[STATE] = dict(LEFT)
    child = pexpect.spawn(QUICKDATA, ["unlock", "storage"], env=environment, encoding="utf-8", timeout=60)
    child.expect(r"storage of ppr in \S+: locked by canary-user, since 2026-01-02 03:04:05 UTC, \d+ d ago")
    child.expect("Remove this lock.*y/N")
    assert STATE in server.locks
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert (STATE not in server.locks) is broken


def test_unlock_does_not_ask_when_told_so(environment: dict[str, str], server: GitLab) -> None:
    server.locks[STATE] = dict(LEFT)
    done = typed(environment, "unlock", "storage", "--yes")
    assert (done.returncode, server.locks) == (0, {})
    assert "1-2-3 is removed" in done.stdout


def test_unlock_without_a_terminal_and_without_yes_breaks_nothing(
    environment: dict[str, str], server: GitLab
) -> None:
    server.locks[STATE] = dict(LEFT)
    done = typed(environment, "unlock", "storage")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert STATE in server.locks


def commands(said: str) -> list[list[str]]:
    """Return the commands that an advice names, as they are typed."""
    return [shlex.split(each) for each in re.findall(r"`quickdata ([^`]+)`", said)]


def test_the_command_that_a_locked_state_advises_breaks_the_lock(
    environment: dict[str, str], server: GitLab
) -> None:
    del environment["QUICKDATA_STATE"]
    server.locks[STATE.replace("storage", "app")] = dict(LEFT)
    words = ("destroy", "--state", "gitlab", "--yes", "--without-backup", "nocodb_db")
    done = typed(environment, *words)
    assert done.returncode == 1
    assert "app: the state is locked by canary-user" in done.stderr
    (advised,) = commands(done.stderr)
    done = typed(environment, *advised, "--yes")
    assert (done.returncode, server.locks) == (0, {})
    assert "1-2-3 is removed" in done.stdout


def test_where_nobody_holds_a_lock_unlock_says_so(environment: dict[str, str], server: GitLab) -> None:
    done = typed(environment, "unlock", "app")
    assert (done.returncode, server.locks) == (0, {})
    assert "app: nobody holds a lock" in done.stdout


def test_a_wrong_token_is_said(environment: dict[str, str]) -> None:
    done = typed(environment | {"GITLAB_PAT": "canary-wrong"}, "unlock", "app")
    assert done.returncode == 2
    assert re.search(r"HTTP 401\n  → use a token with the scope api", done.stderr)
    assert "canary-wrong" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("migrate-state", "--from", "s3", "--to", "s3"), "the same place"),
        (("migrate-state", "--from", "s3"), "--to"),
        (("migrate-state", "--from", "gitlab", "--to", "local"), "--yes"),
        (("migrate-state", "--from", "ftp", "--to", "local"), "ftp"),
        (("unlock", "everything"), "everything"),
        (("unlock",), "storage|app"),
        (("deploy", "--state", "here"), "here"),
    ],
)
def test_wrong_words_are_wrong_input(
    environment: dict[str, str], server: GitLab, words: tuple[str, ...], said: str
) -> None:
    done = typed(environment, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert server.asked == []


def test_a_move_needs_what_its_source_needs_too(environment: dict[str, str]) -> None:
    del environment["GITLAB_URL"]
    done = typed(environment, "migrate-state", "--from", "gitlab", "--to", "local", "--yes")
    assert done.returncode == 2
    assert "GITLAB_URL: is not set" in done.stderr


def test_the_option_goes_before_the_variable(environment: dict[str, str]) -> None:
    done = typed(environment | {"TF_VAR_bucket_suffix": "x" * 20}, "unlock", "app", "--state", "s3")
    assert done.returncode == 2
    assert "at most 19 characters" in done.stderr


async def test_both_states_move_to_a_bucket_and_back_from_the_command_line(
    environment: dict[str, str], localstack: LocalStack, tmp_path: Path
) -> None:
    del environment["PATH"], environment["HOME"], environment["QUICKDATA_STATE"]
    variables = environment | {"TF_VAR_bucket_suffix": "mover", "AWS_ACCESS_KEY_ID": "test"}
    found = checkout(tmp_path / "mine", variables, {"vault_db_password": "password-of-nobody"})
    found.name(localstack, stacks.NOBODY)
    d = stacks.deployment(found.root, localstack, "mover")
    for stack, part in ((d.storage, stacks.BUCKET), (d.app, "aws_key_pair.admin")):
        await stacks.init(d, stack)
        await stacks.applied(d, stack, part)
    local = [found.root / stack.workdir / "terraform.tfstate" for stack in (d.storage, d.app)]
    there = [path.read_text() for path in local]

    moved = found.run("migrate-state", "--from", "local", "--to", "s3", "--yes")
    assert "✓ storage" in moved.out and "✓ app" in moved.out
    assert [path.exists() and path.stat().st_size for path in local] == [False, False]
    elsewhere = ended(found.start("unlock", "app"))
    assert elsewhere.returncode == 3
    assert "keeps its state in s3, not in local\n  → give --state s3" in elsewhere.stderr
    key = "app/terraform.tfstate.tflock"
    put_lock(localstack, key)
    locked = ended(found.start("destroy", "--state", "s3", "--yes", "--without-backup", "nocodb_db"))
    assert "app: the state is locked by me@host" in locked.stderr
    (advised,) = commands(locked.stderr)
    assert "1-2-3 is removed" in found.run(*advised, "--yes").out
    found.run("migrate-state", "--from", "s3", "--to", "local", "--yes")
    assert [resources(path.read_text()) for path in local] == [resources(text) for text in there]


def ended(run: "subprocess.Popen[str]") -> subprocess.CompletedProcess[str]:
    out, err = run.communicate(timeout=60)
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def put_lock(localstack: LocalStack, key: str) -> None:
    s3 = cloud_of(localstack).client("s3")
    body = json.dumps({**LEFT, "Who": "me@host"})
    s3.put_object(Bucket=bucket_name("mover-tfstate"), Key=key, Body=body.encode())


def resources(state: str) -> object:
    return json.loads(state)["resources"]
