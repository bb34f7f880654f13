"""The drill: a real backup in LocalStack, restored into a throwaway PostgreSQL of this machine."""

import json
import re
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.aws.account import Cloud
from pipeline.backups.catalogue import list_backups
from pipeline.backups.drill import DrillRequest, drill, in_words
from pipeline.backups.node import Figures
from pipeline.backups.places import at, own
from pipeline.backups.site import OpenSite
from pipeline.cli import main
from pipeline.errors import PipelineError, ToolError, VerifyFailed
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from tests.support.authorizing import authorizing
from tests.support.backup_node import Node
from tests.support.backup_runs import wait_for
from tests.support.deployer_policy import deployer_policy

KEYS = {"aws_access_key_id": "key-of-nobody", "aws_secret_access_key": "secret-of-nobody"}
DAY = timedelta(days=1)
AT_OWN = at(own)

ON_ITS_OWN = """
import os
import sys
from pathlib import Path
from pipeline.backups.drill import DrillRequest, drill
from pipeline.backups.places import at, own
from pipeline.errors import PipelineError
from pipeline.cli.run import run
from pipeline.aws.account import Cloud

region, endpoint, bucket, database, reports = sys.argv[1:]
keys = {name: os.environ[name.upper()] for name in ("aws_access_key_id", "aws_secret_access_key")}
cloud = Cloud(keys, region, endpoint)
try:
    run(lambda progress, report: drill(cloud, bucket, DrillRequest(database), progress, report, at(own)),
        "drill", "localstack", Path(reports))
except PipelineError as error:
    sys.exit(error.exit_code)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where drills lay down their files."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    return directory


def cloud(node: Node) -> Cloud:
    return Cloud(KEYS, node.storage.region, node.storage.endpoint)


async def drilled(
    node: Node,
    backup_id: str | None = None,
    max_age: timedelta | None = None,
    report: Report | None = None,
    place: OpenSite = AT_OWN,
) -> Figures:
    wanted = DrillRequest(node.database, backup_id, max_age)
    report = report or Report("drill", "localstack")
    return await drill(cloud(node), node.bucket, wanted, Progress(), report, place)


async def refused(node: Node) -> PipelineError:
    """Drill in vain: the backup must not look verified afterwards."""
    with pytest.raises(PipelineError) as caught:
        await drilled(node)
    assert not [key for key in node.objects() if key.endswith("verified.json")]
    return caught.value


def damage(node: Node, file: str) -> None:
    """Flip a bit that no decompressor cares about: the last one of zstd's own checksum."""
    key = next(key for key in node.objects() if file in key)
    content = bytearray(node.read(key))
    content[-1] ^= 1
    node.write(key, bytes(content))


def processes(words: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [int(path.parent.name)] if words.encode() in path.read_bytes() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def test_a_drill_needs_no_more_than_the_policies_for_whoever_deploys(
    node: Node, uploads: Path, temporary: Path
) -> None:
    base, _, suffix = node.bucket.rpartition("-")
    with authorizing(node.storage, deployer_policy(suffix, base=base)) as proxy:
        allowed = Cloud(KEYS, node.storage.region, proxy.url)
        wanted, report = DrillRequest(node.database), Report("drill", "localstack")
        figures = await drill(allowed, node.bucket, wanted, Progress(), report, AT_OWN)
    assert figures["mismatches"] == 0
    assert node.objects(f"postgres/{node.database}/{node.backups()[-1]}/verified.json")
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject"} == proxy.used
    assert proxy.denied == []


async def test_a_drill_restores_the_newest_backup_compares_and_times_it(
    node: Node, uploads: Path, temporary: Path
) -> None:
    before, report = node.content(), Report("drill", "localstack")
    figures = await drilled(node, max_age=DAY, report=report)

    manifest = node.manifest()
    assert (figures["id"], figures["tables"], figures["rows"]) == (manifest["id"], 2, 1000)
    assert figures["mismatches"] == 0
    seconds = report.steps[0]["seconds"]
    assert 0 < seconds < figures["rto_seconds"] + 10, "the RTO has the server's start in it"
    assert 0 < figures["rpo_seconds"] < 600
    assert re.search(r"1000 rows restored .* RPO \d+ \w+, RTO \d+\.\d s", report.proofs["drill"]["words"])

    verified = json.loads(node.read(f"postgres/{node.database}/{node.backups()[-1]}/verified.json"))
    assert verified["by"] == f"drill on {socket.gethostname()}"
    assert verified["seconds"] == verified["rto_seconds"] == figures["rto_seconds"]
    assert verified["rpo_seconds"] == figures["rpo_seconds"]
    [listed] = await list_backups(cloud(node), node.bucket, node.database)
    assert (listed.verified_by, listed.verified_at) == (verified["by"], verified["verified_at"])

    assert node.content() == before
    assert list(temporary.iterdir()) == []
    assert processes(str(temporary)) == []
    assert not re.search("of-nobody", json.dumps(vars(report)))


async def test_roles_are_made_in_the_throwaway_server_only(stocked: Node) -> None:
    role = f"only_there_{stocked.token}"
    stocked.forge_globals(lambda data: data["roles"].append({**data["roles"][0], "name": role}))
    assert (await drilled(stocked))["mismatches"] == 0
    assert stocked.server.psql(f"select count(*) from pg_roles where rolname = '{role}'") == "0"


@pytest.mark.parametrize("file", ["dump.", "attachments."])
async def test_a_flipped_bit_fails_the_verification(node: Node, uploads: Path, file: str) -> None:
    damage(node, file)
    error = await refused(node)
    assert error.exit_code == 4
    assert "differs from what was backed up" in error.what
    assert "SHA-256 differs" in error.tail


async def test_a_missing_dump_is_a_failure(stocked: Node, temporary: Path) -> None:
    stocked.s3.delete_object(
        Bucket=stocked.bucket, Key=next(key for key in stocked.objects() if "/dump." in key)
    )
    error = await refused(stocked)
    assert error.exit_code == 1
    assert "cannot be downloaded; check that it exists" in error.tail
    assert list(temporary.iterdir()) == []


async def test_where_the_databases_locale_is_missing_another_stands_in_and_the_drill_says_so(
    stocked: Node,
) -> None:
    stocked.forge_globals(lambda data: data["database"].update(collate="tlh_Q.utf8"))
    figures = await drilled(stocked)
    assert figures["mismatches"] == 0
    assert "sorted by C.UTF-8, because the server lacks the database's locale" in in_words(figures)


async def test_a_locale_that_can_neither_be_had_nor_replaced_is_named_with_its_fix(stocked: Node) -> None:
    stocked.forge_globals(lambda data: data["database"].update(provider="builtin", locale="tlh_Q.utf8"))
    error = await refused(stocked)
    assert "locale is not installed on this machine" in error.what
    assert "localedef" in error.fix


async def test_a_stale_backup_is_restored_all_the_same_and_fails(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(started_at="2026-01-02T03:04:05Z"))
    report = Report("drill", "localstack")
    with pytest.raises(VerifyFailed, match=r"the newest backup \w{8} is \d+ d old, more than 24 h") as caught:
        await drilled(stocked, max_age=DAY, report=report)
    assert caught.value.exit_code == 4
    assert "quickdata backup" in caught.value.fix
    assert report.proofs["drill"]["rpo_seconds"] > DAY.total_seconds()


# --- refused before a server is started ---


async def refused_at_once(node: Node, backup_id: str | None = None) -> PipelineError:
    report = Report("drill", "localstack")
    with pytest.raises(PipelineError) as caught:
        await drilled(node, backup_id, report=report)
    assert report.steps == []
    return caught.value


async def test_no_backup_fails_the_verification(node: Node) -> None:
    error = await refused_at_once(node)
    assert error.exit_code == 4
    assert "no backup yet" in error.what


async def test_an_id_that_no_backup_has_fails_the_verification(stocked: Node) -> None:
    error = await refused_at_once(stocked, "ffffffff")
    assert error.exit_code == 4
    assert "no complete backup ffffffff" in error.what


async def test_a_newest_backup_that_cannot_be_used_is_not_skipped_silently(
    stocked: Node, sample: tuple[dict[str, bytes], str]
) -> None:
    stocked.plant(*sample, name="20260101T000000Z-00000001")
    stocked.rewrite(lambda manifest: manifest.update(format=3))
    error = await refused_at_once(stocked)
    assert error.exit_code == 4
    assert "the newest backup" in error.what and "has format 3, not 1 or 2" in error.what
    assert "--id 00000001" in error.fix


async def test_too_little_room_is_found_before_anything_is_restored(stocked: Node, temporary: Path) -> None:
    stocked.rewrite(lambda manifest: manifest.update(database_bytes=10**16))
    error = await refused_at_once(stocked)
    assert isinstance(error, ToolError)
    assert re.search(rf"10000.0 TB are needed to restore \w+ in {temporary}; .* are free", error.what)
    assert "TMPDIR" in error.fix
    assert list(temporary.iterdir()) == []


async def test_a_bucket_that_is_not_there_and_an_endpoint_that_is_down_are_told(node: Node) -> None:
    node.bucket = "of-nobody"
    assert "s3://of-nobody cannot be read" in (await refused_at_once(node)).what
    report = Report("drill", "localstack")
    down = Cloud(KEYS, "eu-west-3", "http://127.0.0.1:1")
    with pytest.raises(ToolError, match="does not answer"):
        await drill(down, node.bucket, DrillRequest(), Progress(), report, AT_OWN)


@pytest.mark.parametrize(
    "words",
    [
        *(("--max-age", value) for value in ("-1", "0", "nan", "inf", "1e300", "soon", "")),
        *(("--database", value) for value in ("", "a/b", "..", "a\nb", "x" * 47)),
        ("--id", "../12345"),
    ],
)
def test_bad_input_is_refused(words: tuple[str, str]) -> None:
    done = CliRunner().invoke(main, ["drill", *words])
    assert done.exit_code == 2
    assert words[0] in done.output
    assert "Traceback" not in done.output


# --- interrupted ---


def test_an_interrupted_drill_leaves_nothing_and_no_secret_is_in_sight(
    stocked: Node, temporary: Path, tmp_path: Path
) -> None:
    words = (stocked.storage.region, stocked.storage.endpoint, stocked.bucket, stocked.database)
    command = [sys.executable, "-c", ON_ITS_OWN, *words, str(tmp_path / "reports")]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(temporary)}
    env |= {"PYTHONPATH": str(REPOSITORY)} | {name.upper(): key for name, key in KEYS.items()}
    run = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: run.poll() is not None or list(temporary.glob("*/state/run.*")), 120)
    [configuration] = temporary.glob("*/restore.conf")
    written, secrets = configuration.read_text(), held_by(str(configuration))

    assert configuration.stat().st_mode & 0o077 == configuration.parent.stat().st_mode & 0o077 == 0
    assert sorted(secrets) == ["HELD_AWS_ACCESS_KEY_ID", "HELD_AWS_SECRET_ACCESS_KEY", "HELD_PGPASSWORD"]
    for value in secrets.values():
        assert value not in written
        assert processes(value) == []

    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=120)
    assert run.returncode == 130, said
    assert "Ctrl-C: the run is ending" in said and "Traceback" not in said
    assert json.loads((tmp_path / "reports/run.json").read_text())["error"]["exit_code"] == 130
    assert list(temporary.iterdir()) == []
    assert processes(str(temporary)) == []
    assert not [key for key in stocked.objects() if key.endswith("verified.json")]


def held_by(configuration: str) -> dict[str, str]:
    """Return the secrets in the environment of the program that runs with a configuration."""
    environment = Path(f"/proc/{processes(configuration)[0]}/environ").read_text()
    found = [entry.partition("=") for entry in environment.split("\0") if entry.startswith("HELD_")]
    return {name: value for name, _, value in found}
