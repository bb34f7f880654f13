"""docs/runbook.md, each bad day lived through once with the very commands that are written there."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pexpect
import pytest
import yaml

from pipeline.aws.account import Cloud
from pipeline.deployment import DATABASE
from pipeline.rehearsal.database import SQL
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.settings.suffix import bucket_name
from pipeline.tofu import binary as tools
from pipeline.tofu.download import find_or_download_tofu
from tests.support.clouds import KEYS
from tests.support.deployer import UPLOAD, UPLOADED, empty_database, fingerprint, variables, vault
from tests.support.emulated import VAULT, Checkout
from tests.support.emulated import checkout as make_checkout
from tests.support.runbook import commands, on_a_node

pytestmark = pytest.mark.timeout(3000)

SUFFIX = "runbook"
BUCKET = bucket_name(SUFFIX)
BROKEN = """
create table parent (id int primary key); create table child (p int references parent);
set session_replication_role = replica; insert into child values (7); set session_replication_role = origin;
create table twice (n int); create unique index twice_n on twice (n);
update pg_index set indisunique = false where indexrelid = 'twice_n'::regclass;
insert into twice values (1), (1);
update pg_index set indisunique = true where indexrelid = 'twice_n'::regclass;
"""
"""An orphan, and duplicates under a unique index, as a collation that moved leaves them."""
STATES = ("infrastructure/terraS3/terraform.tfstate", "infrastructure/terraform/terraform.tfstate")


@dataclass
class Operator:
    """Whoever follows the runbook, at a terminal: answers every question with yes.

    Args:
        checkout: where the commands are typed.
        aws: the emulator.
        shims: a directory with `quickdata` and `tofu`, first in PATH.
    """

    checkout: Checkout
    aws: LocalStack
    shims: Path

    def type(self, line: str, exit_code: int = 0, folder: str = ".") -> str:
        env = {**self.checkout.environment, "EDITOR": str(self.shims / "editor"), "TERM": "dumb"}
        env["PATH"] = f"{self.shims}:{env['PATH']}"
        if not line.startswith("quickdata"):
            env |= self.aws.environment | tools.provider_environment(self.shims / "provider")
        cwd = str(self.checkout.root / folder)
        child = pexpect.spawn("bash", ["-c", line], cwd=cwd, env=env, encoding="utf-8", timeout=900)
        said = ""
        while child.expect([r"\[y/N\]:? ?", r"Enter a value:", pexpect.EOF]) < 2:
            said += str(child.before) + str(child.after)
            child.sendline("yes" if "Enter" in str(child.after) else "y")
        child.close()
        said += str(child.before)
        assert child.exitstatus == exit_code, f"{line}\n{said}"
        return said

    def follow(self, section: str, **places: str) -> list[str]:
        """Type every command of a section, in order; return what each said."""
        return [self.type(self._filled(line, places)) for line in commands(section)]

    def _filled(self, line: str, places: dict[str, str]) -> str:
        for name, value in places.items():
            line = re.sub(rf"\b{name}\b", value, line)
        return line

    def newest(self) -> str:
        env = {**self.checkout.environment, "PATH": f"{self.shims}:{self.checkout.environment['PATH']}"}
        found: list[dict[str, str]] = json.loads(
            pexpect.run("quickdata backups --json", env=env, cwd=str(self.checkout.root), encoding="utf-8")
        )
        return found[0]["id"]


def shim(directory: Path, name: str, body: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/bash\n{body}\n")
    file.chmod(0o755)


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    return vault()


@pytest.fixture(scope="module")
def operator(
    tmp_path_factory: pytest.TempPathFactory, localstack: LocalStack, passwords: dict[str, str]
) -> Operator:
    base = tmp_path_factory.mktemp("runbook")
    found = make_checkout(base, variables(SUFFIX), passwords)
    shims = base / "shims"
    shims.mkdir()
    emulated = shlex.join([sys.executable, "-P", "-m", "tests.support.emulated_cli", str(found.around)])
    shim(shims, "quickdata", f'exec {emulated} "$@"')
    (shims / "tofu").symlink_to(find_or_download_tofu())
    return Operator(found, localstack, shims)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, operator: Operator, passwords: dict[str, str]
) -> Iterator[Postgres]:
    """The first nodes' database, deployed, with data and an attachment in its newest backup."""
    directory = tmp_path_factory.mktemp("first")
    password = passwords["vault_db_password"]
    with empty_database(directory / "pg", operator.checkout, operator.aws, password) as found:
        operator.type("quickdata deploy")
        found.psql((SQL / "data.sql").read_text(), DATABASE)
        upload = operator.checkout.root / UPLOAD
        upload.parent.mkdir(parents=True, exist_ok=True)
        upload.write_text(UPLOADED)
        operator.type("quickdata backup")
        yield found


def test_the_page_brings_the_data_back_at_3_am(operator: Operator, server: Postgres) -> None:
    before = fingerprint(server)
    (operator.checkout.root / UPLOAD).unlink()
    server.psql((SQL / "damage.sql").read_text(), DATABASE)
    assert fingerprint(server) != before
    said = operator.follow("Restore at 3 a.m.", ID=operator.newest())
    assert fingerprint(server) == before
    assert (operator.checkout.root / UPLOAD).read_text() == UPLOADED
    assert re.search(rf"the old database is {DATABASE}_before_[0-9a-f]{{8}}", said[1])


def test_the_page_builds_what_rows_had_refused(operator: Operator, server: Postgres) -> None:
    server.psql(BROKEN, DATABASE)
    operator.type("quickdata backup")
    failed = operator.type("quickdata restore", exit_code=1)
    assert "but these statements fail: CREATE UNIQUE INDEX twice_n ON public.twice" in failed
    newest, _, verify = commands("Objects cannot be built")
    said = operator.type(newest, exit_code=5)
    assert "validate it by: ALTER TABLE ONLY public.child VALIDATE CONSTRAINT child_p_fkey;" in said
    assert "build it by: CREATE UNIQUE INDEX twice_n ON public.twice USING btree (n);" in said
    orphans, doubles, *fixes = [on_node(server, line) for line in on_a_node("Objects cannot be built")]
    assert (orphans, doubles.split("|")[0]) == ("7", "1")
    assert len(fixes) == 2
    assert "0 tables differ" in operator.type(verify)
    server.psql("drop table child, parent, twice", DATABASE)


def on_node(server: Postgres, arguments: str) -> str:
    """Run psql with the arguments that the runbook gives it in the container."""
    command = [str(server.bin / "psql"), "-XqAt", DATABASE, *shlex.split(arguments)]
    done = subprocess.run(command, env=server.environment, text=True, capture_output=True, check=True)
    return done.stdout.strip()


def test_the_page_says_why_a_backup_or_a_drill_has_failed(operator: Operator, server: Postgres) -> None:
    status, verified, drilled = operator.follow("A backup or a drill has failed")
    assert "drift of app: none" in status
    assert "0 tables differ" in verified
    assert "drill" in drilled


def test_the_page_breaks_a_dead_runs_lock(operator: Operator, server: Postgres) -> None:
    unlocked, _ = operator.follow("The state is locked")
    assert "nobody holds a lock" in unlocked


def test_the_page_brings_a_lost_state_back(operator: Operator, server: Postgres) -> None:
    for state in STATES:
        (operator.checkout.root / state).rename(operator.checkout.home / Path(state).parent.name)
    assert "quickdata adopt" in operator.type("quickdata deploy", exit_code=3)
    operator.follow("The state is lost")
    assert fingerprint(server)


def test_the_page_rotates_the_secrets(
    operator: Operator, server: Postgres, passwords: dict[str, str]
) -> None:
    passwords["vault_db_password"] = "another-password-of-the-database"
    kept = operator.checkout.home / "new-vault.yml"
    kept.write_text(yaml.safe_dump(passwords))
    shim(operator.shims, "editor", f'cp {kept} "$1"')
    server.psql(f"ALTER ROLE {server.user} PASSWORD '{passwords['vault_db_password']}'")
    operator.checkout.name(operator.aws, replace(server, password=passwords["vault_db_password"]))
    operator.checkout.variables = {
        **operator.checkout.variables,
        "ANSIBLE_VAULT_PASSWORD_FILE": str(
            operator.checkout.root / "infrastructure/ansible/vault-password.sh"
        ),
    }
    operator.follow("Secrets have to be rotated")
    assert passwords["vault_db_password"] not in (operator.checkout.root / VAULT).read_text()


def test_the_page_rebuilds_a_deployment(
    operator: Operator, server: Postgres, passwords: dict[str, str], tmp_path: Path
) -> None:
    known = replace(server, password=passwords["vault_db_password"])
    before, (destroy, _dead, *again) = fingerprint(known), commands("The deployment has to be rebuilt")
    operator.type(destroy)
    backup = operator.newest()
    shutil.rmtree(operator.checkout.root / "nodes")
    with empty_database(
        tmp_path / "pg", operator.checkout, operator.aws, passwords["vault_db_password"]
    ) as fresh:
        for line in again:
            operator.type(re.sub(r"\bID\b", backup, line))
        assert fingerprint(fresh) == before
        operator.type("quickdata destroy --without-backup nocodb_db")


def test_the_page_destroys_storage_on_purpose(operator: Operator, tmp_path: Path) -> None:
    *before, unprotect, init, destroy = commands("Storage has to be destroyed, on purpose")
    for line in before:
        if not line.startswith("quickdata"):  # the app is gone already
            operator.type(line.replace("BUCKET", BUCKET))
    assert json.loads((operator.checkout.root / "versions.json").read_text())["Objects"]
    assert list((operator.checkout.root / "last-backups").rglob("manifest.json"))
    copy = operator.checkout.root / "copy"
    shutil.copytree(operator.checkout.root / "infrastructure/terraS3", copy)
    for line in (unprotect, init, destroy):
        operator.type(line, folder="copy")
    cloud = Cloud(KEYS, operator.aws.region)
    there = replace(cloud, endpoint=operator.aws.endpoint).client("s3").list_buckets()["Buckets"]
    assert BUCKET not in {bucket["Name"] for bucket in there}
