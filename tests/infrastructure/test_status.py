"""How a deployment is, told part by part: real bucket and nodes in LocalStack, recorded tools."""

import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.ansible.playbooks import INVENTORY
from pipeline.aws.account import Cloud
from pipeline.cli import console, main
from pipeline.deploy.finding import Finding
from pipeline.deploy.status import require_well, status
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError
from pipeline.servers.localstack import LocalStack
from pipeline.servers.process import free_port
from pipeline.targets import aws
from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.summary import Listed, Summary
from quickdata_node.physical.watch import Archiving
from quickdata_node.run import Failed
from tests.support import stacks
from tests.support.clouds import KEYS, cloud_of
from tests.support.json_fields import documented, found
from tests.support.manifests import manifest
from tests.support.recording import (
    RecordingRunner,
    deployment,
    failed_in_ansible,
    plan_json,
    said_by_ansible,
)

POINT = "quickdata_20261130T050029Z_9ff35af2"
SERVICES, ARCHIVING = "status: services", "status: archiving"
RUNNING = '{"Name": "nocodb_db", "Replicas": "1/1 (max 1 per node)", "Image": "postgres:18"}'
RESOURCE = {"mode": "managed", "type": "aws_eip", "name": "x", "instances": [{}]}
DEPLOYED = (0, json.dumps({"version": 4, "resources": [RESOURCE]}))
UNKNOWN = "nothing to compare: its state has no resources yet"
STARTING = '{"Name": "nocodb_nocodb", "Replicas": "0/1", "Image": "nocodb:1"}'


def listed(*services: str) -> tuple[int, str]:
    return 0, said_by_ansible("\n".join(services))


def node_says(*problems: Failed, on: bool = True, heard: bool = True) -> tuple[int, str]:
    """What the database node says of its archiving."""
    known: dict[str, Any] = asdict(Archiving(True, 1, 4, 32 << 20, 4 << 30))
    figures = known if on else dict.fromkeys(known)
    told = [{"what": each.what, "fix": each.fix} for each in problems]
    return 0, said_by_ansible(json.dumps({"on": on, "heard": heard, **figures, "problems": told}))


@dataclass
class Live:
    """A deployment whose cloud is LocalStack, and whose tools say what a test wants."""

    cloud: Cloud
    suffix: str
    nodes: tuple[str, ...] = ()

    def deployment(self, answers: dict[str, Any] | None = None) -> Deployment:
        well = {"storage: plan": (0, ""), "app: plan": (0, ""), SERVICES: listed(RUNNING)}
        well |= {ARCHIVING: node_says()}
        well |= {"storage: state": DEPLOYED, "app: state": DEPLOYED}
        d = deployment(RecordingRunner(well | (answers or {})), self.cloud)  # type: ignore[arg-type]
        return replace(d, suffix=self.suffix)

    async def bad(self, answers: dict[str, Any] | None = None) -> dict[str, str]:
        return bad(await status(self.deployment(answers)))

    def backup(self, age: timedelta, verified: bool = True, **changes: object) -> str:
        taken = datetime.now(UTC) - age
        name = f"{taken:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        root = f"postgres/nocodb_db/{name}"
        self.put(f"{root}/manifest.json", manifest("nocodb_db", name, taken.isoformat(), **changes))
        if verified:
            self.put(f"{root}/verified.json", {"verified_at": taken.isoformat(), "by": "drill on laptop"})
        return root[-8:]

    def put(self, key: str, document: dict[str, Any]) -> None:
        bucket = self.deployment().bucket
        self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())

    def version(self, state: str) -> None:
        wanted = {"Status": state}
        bucket = self.deployment().bucket
        self.cloud.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted)

    def start(self, role: str) -> str:
        tags = {"Project": "quickdata", "Suffix": self.suffix, "Role": role, "Name": f"q-{role}"}
        ec2 = self.cloud.client("ec2")
        image = ec2.describe_images()["Images"][0]["ImageId"]
        named = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": named}],
        )
        return str(made["Instances"][0]["InstanceId"])


def bad(parts: list[Finding]) -> dict[str, str]:
    return {part.about: str(part) for part in parts if part.fix}


@pytest.fixture
def live(localstack: LocalStack) -> Live:
    """A deployment that is well: versioned bucket, fresh verified backup, two nodes."""
    cloud = cloud_of(localstack)
    live = Live(cloud, f"status-{secrets.token_hex(4)}")
    place = {"LocationConstraint": localstack.region}
    cloud.client("s3").create_bucket(Bucket=live.deployment().bucket, CreateBucketConfiguration=place)
    live.version("Enabled")
    live.backup(timedelta(hours=1))
    live.nodes = (live.start("manager"), live.start("database"))
    return live


async def test_a_deployment_that_is_well_says_all_of_it(live: Live) -> None:
    parts = await status(live.deployment())
    assert [part.about for part in parts] == [
        *("bucket", "backups", "nodes", "services", "archiving"),
        *("drift of storage", "drift of app"),
    ]
    require_well(parts)
    said = {part.about: str(part) for part in parts}
    assert "is yours and is versioned" in said["bucket"]
    assert "60 min old, 0 bases, 42 rows" in said["backups"] and "by drill on laptop" in said["backups"]
    assert all(node in said["nodes"] for node in live.nodes)
    assert "q-database (database): running" in said["nodes"]
    assert "nocodb_db: 1 of 1 running, postgres:18" in said["services"]
    assert "in time; segments waiting: 1, on the volume: 34 MB, free: 4 GB" in said["archiving"]
    assert "none" in said["drift of storage"] and "none" in said["drift of app"]
    documents = json.loads(json.dumps([part.document() for part in parts]))
    assert documents[1]["facts"]["newest"]["rows"] == 42
    assert all(document["well"] for document in documents)


async def test_nothing_is_applied_and_no_plan_stays(live: Live) -> None:
    changing = {"app: plan": (2, ""), "app: read plan": (0, plan_json(("aws_eip.x", "update")))}
    d = live.deployment(changing)
    runner: Any = d.runner
    before = dict(runner.files)
    await status(d)
    words = {word for step in runner.steps for word in step.command}
    assert not words & {"apply", "untaint", "ansible-playbook", "import"}
    assert set(runner.files) - {str(INVENTORY)} == set(before)
    assert {path.split("/")[-1] for path in runner.removed} == {d.plan_file}
    assert len(runner.removed) == 2


async def test_one_part_that_fails_hides_no_other(live: Live) -> None:
    answers = {SERVICES: (4, "unreachable"), ARCHIVING: (4, "unreachable"), "storage: init": (1, "")}
    found = await live.bad(answers)
    assert set(found) == {"services", "archiving", "drift of storage"}
    assert all("could not be checked" in said for said in found.values())
    with pytest.raises(PipelineError, match="services, archiving, drift of storage") as caught:
        require_well(await status(live.deployment(answers)))
    assert caught.value.exit_code == 1


async def test_what_keeps_several_parts_from_being_looked_at_is_told_once() -> None:
    nobody = Live(Cloud(KEYS, "eu-west-3", f"http://127.0.0.1:{free_port()}"), "away")
    dead = (1, "dial tcp 127.0.0.1:1: connect: connection refused")
    parts = await status(nobody.deployment({"storage: plan": dead, "app: plan": dead}))
    said = "\n".join(map(str, parts))
    assert said.count("does not answer") == 2, said  # once for AWS by boto3, once for OpenTofu
    assert "✗ nodes: could not be checked, for the same reason as bucket\n  → as for bucket" in said
    assert "✗ drift of app: could not be checked, for the same reason as drift of storage" in said
    assert set(bad(parts)) == {"bucket", "backups", "nodes", "drift of storage", "drift of app"}


async def test_drift_is_counted_and_named(live: Live) -> None:
    changes = plan_json(("aws_eip.x", "update"), ("aws_instance.y", "replace"))
    found = await live.bad({"app: plan": (2, ""), "app: read plan": (0, changes)})
    assert list(found) == ["drift of app"]
    assert "1 to create, 1 to update, 1 to delete" in found["drift of app"]
    assert "update aws_eip.x" in found["drift of app"] and "replace aws_instance.y" in found["drift of app"]


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ((RUNNING, STARTING), "nocodb_nocodb: 0 of 1 running"),
        ((), "none"),
        (('{"Name": "x"}',), "list of services cannot be read"),
    ],
)
async def test_a_service_that_does_not_run_is_told(live: Live, services: tuple[str, ...], said: str) -> None:
    found = await live.bad({SERVICES: listed(*services)})
    assert list(found) == ["services"]
    assert said in found["services"]


async def test_of_local_nodes_no_service_is_guessed(live: Live) -> None:
    parts = await status(replace(live.deployment({SERVICES: (1, "")}), real_nodes=False))
    assert "not checked: local nodes have no Docker" in str(parts[3])
    assert "not checked: local nodes do not archive" in str(parts[4])


async def test_archiving_that_fails_is_told_with_every_problem(live: Live) -> None:
    keys = Failed("the keys in /x expired", "run refresh-recovery-keys.sh")
    lag = Failed("archiving lags: 4 WAL segments wait", "docs/runbook.md, `Archiving fails`")
    said = (await live.bad({ARCHIVING: node_says(keys, lag)}))["archiving"]
    assert (
        "✗ archiving: the keys in /x expired; run refresh-recovery-keys.sh\n  archiving lags: 4 WAL" in said
    )
    assert "→ docs/runbook.md, `Archiving fails`, has the steps" in said
    assert await live.bad({ARCHIVING: node_says(on=False)}) == {}


async def test_archiving_of_which_nobody_hears_is_told_with_what_to_set_and_is_no_problem(live: Live) -> None:
    unheard = "nobody hears when archiving fails: set pg_backup_notify in infrastructure/ansible/group_vars"
    for on, heard, told in ((True, False, True), (True, True, False), (False, False, False)):
        parts = await status(live.deployment({ARCHIVING: node_says(on=on, heard=heard)}))
        require_well(parts)
        assert (unheard in str(parts[4])) is told
    lag = Failed("archiving lags", "docs/runbook.md")
    assert unheard in (await live.bad({ARCHIVING: node_says(lag, heard=False)}))["archiving"]


def node_fails(why: str) -> tuple[int, str]:
    """What the database node says when its program refuses to tell."""
    return 2, failed_in_ansible("", 2, f"2026-11-30T05:00:00Z check-backup-age.sh: FAILED: {why}")


async def test_an_older_program_on_the_node_is_no_problem_and_its_archiving_is_not_called_good(
    live: Live,
) -> None:
    parts = await status(live.deployment({ARCHIVING: node_fails("unknown argument --archiving; see --help")}))
    require_well(parts)
    assert str(parts[4]) == (
        "- archiving: not checked: the program on the database node is older than this checkout;"
        " `quickdata deploy` installs the program of this one"
    )
    assert parts[4].facts is None


async def test_a_wrong_configuration_on_the_node_is_a_problem_and_says_what_is_wrong(live: Live) -> None:
    wrong = "configuration /etc/quickdata/pg-backup.conf: BACKUP_BUCKET is missing, nothing was done"
    said = (await live.bad({ARCHIVING: node_fails(wrong)}))["archiving"]
    assert said.startswith("✗ archiving: could not be checked") and wrong in said
    assert "older" not in said and "installs the program" not in said


async def test_a_node_that_is_stopped_or_missing_is_told(live: Live) -> None:
    ec2 = live.cloud.client("ec2")
    ec2.stop_instances(InstanceIds=[live.nodes[0]])
    assert "q-manager (manager): stopped" in (await live.bad())["nodes"]
    ec2.terminate_instances(InstanceIds=[live.nodes[1]])
    assert "no database" in (await live.bad())["nodes"]


async def test_a_bucket_that_is_not_versioned_is_told(live: Live) -> None:
    live.version("Suspended")
    assert "not versioned" in (await live.bad())["bucket"]


async def test_a_missed_night_an_unverified_and_a_bad_backup_are_told(live: Live) -> None:
    client, bucket = live.cloud.client("s3"), live.deployment().bucket
    for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.delete_object(Bucket=bucket, Key=item["Key"])
    assert "there is none yet" in (await live.bad())["backups"]
    live.backup(timedelta(hours=30))
    said = (await live.bad())["backups"]
    assert "is 30 h old, more than 26 h\n" in said and "→ see /var/log" in said
    for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.delete_object(Bucket=bucket, Key=item["Key"])
    live.backup(timedelta(hours=2), verified=False)
    assert "no backup was ever verified" in (await live.bad())["backups"]
    newest = live.backup(timedelta(hours=1), format=3)
    assert f"the newest, {newest}, cannot be restored" in (await live.bad())["backups"]


def physical(age: timedelta, **values: Any) -> dict[str, Any]:
    """Return a summary of physical backups, whose only full one has an age, and was recovered by a drill."""
    when = datetime.now(UTC) - age
    full = Listed("20261130-050026F", "full", when, 31525926, 4015713)
    gaps = [Gap(when - timedelta(hours=3), when - timedelta(hours=2), when - timedelta(hours=1))]
    summary = Summary("nocodb_db", [full], POINT, when, verified=POINT, verified_at=when, gaps=gaps)
    return dict(json.loads(replace(summary, **values).text()))


async def test_physical_backups_are_told_and_old_ones_are_an_alarm(live: Live) -> None:
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=25)))
    [_, backups, *_] = await status(live.deployment())
    assert "the last proof point of the physical backups is quickdata_20261130T050029Z_9ff35af2" in str(
        backups
    )
    assert backups.well
    assert "no recovery reaches the moments from about 20" in str(backups)
    now = datetime.now(UTC)
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=1), gaps=[Gap(now, now, now)]))
    said = (await live.bad())["backups"]
    assert "WAL is missing, and no recovery reaches the moments from about 20" in said
    assert "→ find out who deleted it from the bucket, and recover first what you need from before" in said
    assert "then run physical-backup.sh --type full on the node, which may remove the oldest full" in said
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=27)))
    said = (await live.bad())["backups"]
    assert "the newest physical backup is 27 h old, more than 26 h" in said and "physical-backup.sh" in said
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(days=30), off_since=datetime.now(UTC)))
    [_, backups, *_] = await status(live.deployment())
    assert backups.well and "physical backups are off since 20" in str(backups)
    assert "1 stay in the bucket" in str(backups)
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=1), on_since=datetime.now(UTC)))
    assert "no physical backup was completed since they are on, 20" in (await live.bad())["backups"]
    hour, now = timedelta(hours=1), datetime.now(UTC)
    full = Listed("20261122-050026F", "full", now - timedelta(days=7) - hour, 31525926, 4015713)
    newest = replace(full, label="20261122-050026F_20261129-050026I", kind="incr", finished_at=now - hour)
    live.put(
        "postgres/nocodb_db/physical.json", physical(hour, verified_at=None, backups=[full, newest], gaps=[])
    )
    said = (await live.bad())["backups"]
    assert "no drill has recovered the physical backups yet" in said and "drill --physical" in said
    live.put("postgres/nocodb_db/physical.json", {"format": 7})
    assert "the summary of the physical backups of nocodb_db" in (await live.bad())["backups"]


async def test_physical_backups_are_told_where_there_is_no_complete_logical_one(live: Live) -> None:
    client, bucket = live.cloud.client("s3"), live.deployment().bucket
    for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.delete_object(Bucket=bucket, Key=item["Key"])
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=1)))
    [_, backups, *_] = await status(live.deployment())
    assert not backups.well and "there is none yet" in str(backups)
    assert "the last proof point of the physical backups is quickdata_20261130T050029Z" in str(backups)
    facts = backups.document()["facts"]
    assert (facts["newest"], facts["verified"], facts["physical"]["verified"]) == (None, None, POINT)
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=27)))
    said = (await live.bad())["backups"]
    assert "there is none yet" in said and "the newest physical backup is 27 h old" in said
    assert "`quickdata backup` takes one" in said, "the fix is that of the logical backup"


async def test_physical_backups_that_were_never_taken_are_an_alarm(live: Live) -> None:
    [_, backups, *_] = await status(live.deployment())
    assert backups.well
    never = {"backups": [], "point": None, "proven_at": None, "on_since": datetime.now(UTC)}
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(), **never))
    said = (await live.bad())["backups"]
    assert "no physical backup was completed since they are on, 20" in said and "physical-backup.sh" in said


async def test_far_fewer_bases_and_rows_than_in_a_backup_before_are_an_alarm(live: Live) -> None:
    def tables(bases: int, rows: int) -> list[dict[str, Any]]:
        known = {"schema": "public", "kind": "table", "checksum": "1"}
        return [{**known, "name": "nc_bases_v2", "rows": bases}, {**known, "name": "full", "rows": rows}]

    fuller = live.backup(timedelta(minutes=50), tables=tables(3, 500))
    assert await live.bad() == {}
    live.backup(timedelta(minutes=40), tables=tables(0, 200))
    newest = live.backup(timedelta(minutes=30), tables=tables(1, 100))
    said = (await live.bad())["backups"]
    has = f"1 of the 3 bases that {fuller} has, 101 of the 503 rows that {fuller} has"
    assert f"✗ backups: the newest backup {newest} has {has}" in said
    assert f"`quickdata restore --id {fuller}`" in said
    live.backup(timedelta(minutes=20), tables=tables(3, 500))
    assert await live.bad() == {}


# --- as JSON ---

HEADINGS = {"backups": "backups in status", "drift of storage": "drift", "drift of app": "drift"}


async def in_every_state(live: Live) -> list[dict[str, Any]]:
    """Return the parts of a deployment that is well, of one with drift, and of one that is not there."""
    live.backup(timedelta(minutes=10), verified=False)
    live.backup(timedelta(minutes=5), format=3)
    live.put("postgres/nocodb_db/physical.json", physical(timedelta(hours=1)))
    live.cloud.client("ec2").stop_instances(InstanceIds=[live.nodes[0]])
    changing = {"app: plan": (2, ""), "app: read plan": (0, plan_json(("aws_eip.x", "update")))}
    changing |= {ARCHIVING: node_says(Failed("what", "fix"), on=False)}
    nothing = {"app: state": (0, json.dumps({"version": 4})), SERVICES: (4, "unreachable")}
    nowhere = Live(live.cloud, f"status-{secrets.token_hex(4)}")
    empty = Live(live.cloud, f"status-{secrets.token_hex(4)}")
    place = {"LocationConstraint": live.cloud.region}
    client = live.cloud.client("s3")
    client.create_bucket(Bucket=empty.deployment().bucket, CreateBucketConfiguration=place)
    looks = [live.deployment(changing), live.deployment(nothing), nowhere.deployment(), empty.deployment()]
    parts = [part for d in looks for part in await status(d)]
    documents: list[dict[str, Any]] = json.loads(json.dumps([part.document() for part in parts]))
    return documents


def fields_of(heading: str) -> set[str]:
    """Return the fields that the page lists of a part; two of a part are backups, listed elsewhere."""
    backup = {name.removeprefix("[].") for name in documented("backups")}
    inner = {f"{which}.{name}" for which in ("newest", "verified") for name in backup}
    return set(documented(heading)) | (inner if heading == "backups in status" else set())


async def test_the_page_of_json_lists_every_field_of_status_with_its_type_and_no_other(live: Live) -> None:
    parts = await in_every_state(live)
    facts: dict[str, list[Any]] = {}
    for part in parts:
        facts.setdefault(HEADINGS.get(part["about"], part["about"]), []).append(part["facts"])
    for heading, values in facts.items():
        fields = found(each for each in values if each is not None)
        assert set(fields) == fields_of(heading)
        assert all(fields[name] <= kinds for name, kinds in documented(heading).items()), (heading, fields)
    own = {name: kinds for name, kinds in found([parts]).items() if not re.match(r"\[\]\.facts.", name)}
    assert own == documented("status")


# --- real stacks ---


async def test_real_stacks_are_told_before_and_after_the_bucket_is_there(
    localstack: LocalStack, workspace: Path
) -> None:
    d = stacks.deployment(workspace, localstack, f"status-{secrets.token_hex(4)}")
    before = bad(await status(d))
    assert f"{d.bucket} does not exist" in before["bucket"]
    assert "cannot be read" in before["backups"]
    assert "no database and no manager" in before["nodes"]
    assert UNKNOWN in before["drift of storage"] and UNKNOWN in before["drift of app"]
    assert "services" not in before

    await stacks.applied(d, d.storage, stacks.BUCKET)
    state = workspace / d.storage.workdir / "terraform.tfstate"
    written = state.read_bytes()
    after = bad(await status(d))
    assert "not versioned" in after["bucket"]
    assert "there is none yet" in after["backups"]
    assert "create aws_s3_bucket_versioning.backups" in after["drift of storage"]
    assert "create aws_s3_bucket.backups" not in after["drift of storage"]
    assert UNKNOWN in after["drift of app"]
    assert state.read_bytes() == written
    assert not list(workspace.rglob(d.plan_file))


# --- at a terminal ---


@pytest.mark.parametrize("as_json", [False, True])
def test_the_verb_prints_every_part_and_ends_with_1_when_one_is_bad(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_json: bool
) -> None:
    d = live.deployment({SERVICES: listed(STARTING)})
    monkeypatch.setattr(aws, "aws_deployment", lambda _, progress, report: replace(d, report=report))
    monkeypatch.setattr(console, "REPORTS", tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("key", "key.pub"):
        (tmp_path / name).touch(0o600)
    inputs = {"TF_VAR_bucket_suffix": "ppr", "TF_VAR_admin_cidr": "203.0.113.7/32", "VAULT_PASSWORD": "vault"}
    keys = {name.upper(): "secret" for name in KEYS}
    for name, value in (inputs | keys | {"QUICKDATA_SSH_KEY": str(tmp_path / "key")}).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["status"] + ["--json"] * as_json)
    assert done.exit_code == 1
    assert "these parts have a problem: services" in done.stderr
    if as_json:
        assert [part["well"] for part in json.loads(done.stdout)] == [
            True,
            True,
            True,
            False,
            True,
            True,
            True,
        ]
    else:
        assert "✓ bucket: " in done.stdout and "✗ services: " in done.stdout
    assert json.loads((tmp_path / "run.json").read_text())["exit_code"] == 1
