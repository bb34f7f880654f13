"""A deployment's whole life, with a canary in every secret.

It is interrupted in each apply and in each playbook, deployed, destroyed, deployed on fresh nodes, restored.
"""

import json
import shutil
import signal
from dataclasses import dataclass

import pytest

from pipeline.deployment import DATABASE
from pipeline.rehearsal.database import SQL
from pipeline.servers.localstack import LocalStack
from tests.support.canaries import Canaries, Watcher
from tests.support.clouds import cloud_of
from tests.support.deployer import (
    END,
    UPLOAD,
    UPLOADED,
    empty_database,
    fingerprint,
    variables,
    vault,
)
from tests.support.emulated import Checkout, Ended, checkout

pytestmark = pytest.mark.timeout(3000)

INT, TERM = signal.SIGINT, signal.SIGTERM
PACKAGES = "nodes/database/opt/quickdata/python/lib/*/site-packages/botocore"
POINTS = {
    "storage: apply": ("storage: apply | aws_s3_bucket.backups: Creating", None),
    "app: apply": ('app: apply | aws_instance.node["database"]: Creating', None),
    "ansible: swarm.yml": ("ansible: swarm.yml | ", None),
    "ansible: nocodb.yml": ("ansible: nocodb.yml | ", None),
    "ansible: backup.yml": ("Create the directories of the backups", PACKAGES),
}
"""Where a deployment is interrupted: what it says there, and what is there already.

The second point is in the rest of storage too, which is applied beside the app; at the last pip writes files.
"""
SUFFIX = "life"
KEY = ".ssh/id_ed25519"
PASSFILE = "nodes/database/etc/quickdata/pgpass"
LEFT = {"index.html", "run.json", "junit.xml", "history.json", "backups.html"}
"""What the verbs leave for readers; it is searched too."""


def interrupted_everywhere(found: Checkout, *signals: signal.Signals) -> dict[str, Ended]:
    return {
        name: found.interrupted(number, *point)
        for number, (name, point) in zip(signals, POINTS.items(), strict=True)
    }


def alive(aws: LocalStack) -> list[str]:
    """Return the nodes that run, by name."""
    pages = cloud_of(aws).client("ec2").get_paginator("describe_instances")
    mine = [
        {"Name": "tag:Suffix", "Values": [SUFFIX]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = [i for page in pages.paginate(Filters=mine) for r in page["Reservations"] for i in r["Instances"]]
    return sorted(tag["Value"] for each in found for tag in each["Tags"] if tag["Key"] == "Name")


def newest(found: Checkout) -> str:
    listed: list[dict[str, str]] = json.loads(found.run("backups", "--json").out)
    return listed[0]["id"]


@dataclass
class Life:
    """What happened, in this order.

    Args:
        checkout: from where it was.
        watcher: what it saw all the time.
        interrupted: the deployments that were, by the step in which.
        deployed: the one that was not.
        as_planned: the one on fresh nodes, as a saved plan said.
        nodes: what ran after the first that was not interrupted.
        before: the data's fingerprint before the app was destroyed.
        empty: the same on the fresh nodes.
        after: the same when the backup was restored there.
    """

    checkout: Checkout
    watcher: Watcher
    interrupted: dict[str, Ended]
    deployed: Ended
    as_planned: Ended
    nodes: list[str]
    before: str
    empty: str
    after: str


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, localstack: LocalStack) -> Life:
    base, environment, kept = tmp_path_factory.mktemp("life"), variables(SUFFIX), vault()
    found, password = checkout(base, environment, kept), kept["vault_db_password"]
    known = {name: value for name, value in (environment | kept).items() if value.endswith(END)}
    canaries = Canaries(known | {"SSH key": (found.home / KEY).read_text()})
    upload = found.root / UPLOAD
    with Watcher(canaries, found.root) as watcher:
        with empty_database(base / "first", found, localstack, password) as server:
            interrupted = interrupted_everywhere(found, INT, TERM, INT, TERM, INT)
            deployed, nodes = found.run("deploy", "--verbose"), alive(localstack)
            server.psql((SQL / "data.sql").read_text(), DATABASE)
            before = fingerprint(server)
            upload.parent.mkdir(parents=True, exist_ok=True)
            upload.write_text(UPLOADED)
            found.run("destroy", "--yes", "--verbose")
        backup = newest(found)
        shutil.rmtree(found.root / "nodes")
        with empty_database(base / "second", found, localstack, password) as server:
            found.run("plan", "--out", str(base / "plan"), "--verbose")
            as_planned = found.run("deploy", "--plan", str(base / "plan"), "--verbose")
            empty = fingerprint(server)
            assert not upload.exists()
            found.run("backups", "--html")
            found.run("restore", "--id", backup, "--yes", "--verbose")
            after = fingerprint(server)
    return Life(found, watcher, interrupted, deployed, as_planned, nodes, before, empty, after)


@pytest.mark.parametrize("step", POINTS)
def test_an_interrupt_ends_in_good_order_with_130_and_a_report(life: Life, step: str) -> None:
    ended = life.interrupted[step]
    assert ended.exit_code == 130, ended.said
    assert ended.report["exit_code"] == 130
    assert step in [each["name"] for each in ended.report["steps"] if each["summary"] == "interrupted"]
    assert (
        "\nTraceback" not in ended.said
    )  # the tools' own, which --verbose shows, have their step before them
    assert ended.left_behind == []


def test_the_rest_of_storage_was_interrupted_beside_the_app(life: Life) -> None:
    steps = [each["name"] for each in life.interrupted["app: apply"].report["steps"][-2:]]
    assert sorted(steps) == ["app: apply", "storage: apply"]


def test_a_deployment_after_all_these_interrupts_succeeds_and_has_everything_once(life: Life) -> None:
    assert life.deployed.report["exit_code"] == 0
    assert life.nodes == [f"quickdata-{SUFFIX}-{name}" for name in ("database", "manager")]


def test_a_deployment_of_a_saved_plan_plans_nothing_again_and_goes_to_the_end(life: Life) -> None:
    names = [step["name"] for step in life.as_planned.report["steps"]]
    assert [name for name in names if ": plan" in name] == []
    assert {"app: apply", "ansible: backup.yml", "verify: restore and compare"} <= set(names)
    assert [plan["name"] for plan in life.as_planned.report["plans"]] == ["app: saved plan"]


def test_fresh_nodes_get_the_data_and_the_attachments_back(life: Life) -> None:
    assert life.empty != life.before
    assert life.after == life.before
    assert (life.checkout.root / UPLOAD).read_text() == UPLOADED


def test_no_secret_is_in_what_was_printed_or_reported(life: Life) -> None:
    printed = "\n".join(life.checkout.said)
    assert "ansible: backup.yml | " in printed
    assert "aws_instance.node" in printed
    assert [each for each in printed.splitlines() if life.watcher.canaries.seen_in(each.encode())] == []


def test_no_secret_was_ever_in_a_list_of_processes(life: Life) -> None:
    assert {"ansible-playbook", "psql", "pg_dump"} <= life.watcher.tools
    assert life.watcher.told == {}


def test_the_only_file_with_a_secret_is_the_nodes_own_password_file(life: Life) -> None:
    """Not the vault, which is encrypted; not states, inventories, logs and what tools keep in HOME."""
    root, home = life.checkout.root, life.checkout.home
    found = set(life.watcher.canaries.files(root, home))
    assert found == {(root / PASSFILE, "vault_db_password"), (home / KEY, "SSH key")}
    assert (root / PASSFILE).stat().st_mode & 0o777 == 0o600
    assert {each.name for each in (root / "reports").iterdir()} >= LEFT


def test_the_ssh_key_was_laid_down_for_its_owner_only_and_is_gone(life: Life) -> None:
    assert life.watcher.modes == {(0o400, 0o700)}
    assert life.checkout.left_behind() == []


def test_states_are_their_owners_only(life: Life) -> None:
    states = list(life.checkout.root.glob("infrastructure/*/terraform.tfstate*"))
    assert len(states) >= 2
    assert {state.stat().st_mode & 0o777 for state in states} == {0o600}


def test_the_other_signal_at_each_point_ends_alike(
    tmp_path_factory: pytest.TempPathFactory, localstack: LocalStack
) -> None:
    base, kept = tmp_path_factory.mktemp("other"), vault()
    found = checkout(base, variables("other-signal"), kept)
    with empty_database(base / "server", found, localstack, kept["vault_db_password"]):
        for name, ended in interrupted_everywhere(found, TERM, INT, TERM, INT, TERM).items():
            assert (name, ended.exit_code, ended.report["exit_code"]) == (name, 130, 130)
            assert ended.left_behind == []
        found.run("deploy")
