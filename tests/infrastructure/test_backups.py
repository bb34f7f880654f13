"""The listing of backups, from real objects in LocalStack."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.backups.catalogue import choose, list_backups, table
from pipeline.cli import console, main
from pipeline.deployment import DATABASE
from pipeline.errors import BackupError
from pipeline.servers.localstack import LocalStack
from tests.support.clouds import cloud_of
from tests.support.json_fields import documented, found
from tests.support.manifests import manifest

OLD, NEW = "20260101T020000Z-0000aaaa", "20260102T020000Z-0000bbbb"
NOW = datetime(2026, 1, 3, 2, 0, tzinfo=UTC)


class Bucket:
    def __init__(self, server: LocalStack) -> None:
        self.cloud = cloud_of(server)
        self.name = f"backups-{secrets.token_hex(6)}"
        self.client = self.cloud.client("s3")
        self.client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": server.region}
        )

    def put(self, key: str, text: str = "x") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=text.encode())

    def manifest(self, database: str, name: str, **changes: object) -> None:
        taken = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}Z"
        document = manifest(database, name, taken, **changes)
        self.put(f"postgres/{database}/{name}/manifest.json", json.dumps(document))


@pytest.fixture
def bucket(localstack: LocalStack) -> Iterator[Bucket]:
    yield Bucket(localstack)


async def test_the_newest_comes_first_with_what_its_manifest_says(bucket: Bucket) -> None:
    bucket.manifest("app", OLD)
    bucket.manifest("app", NEW)
    found = await list_backups(bucket.cloud, bucket.name, "app")
    assert [each.id for each in found] == ["0000bbbb", "0000aaaa"]
    assert (found[0].bytes, found[0].tables, found[0].rows) == (2_500_000, 2, 42)


async def test_what_has_no_manifest_is_shown_and_is_no_backup(bucket: Bucket) -> None:
    bucket.manifest("app", OLD)
    bucket.put(f"postgres/app/{NEW}/dump.zst")
    found = await list_backups(bucket.cloud, bucket.name, "app")
    assert [each.complete for each in found] == [False, True]
    assert choose(found, None, DATABASE).name == OLD
    assert "INCOMPLETE" in list(table(found, NOW))[1]


async def test_another_databases_backups_are_not_listed(bucket: Bucket) -> None:
    bucket.manifest("app_staging", NEW)
    bucket.manifest("app/nested", NEW)
    bucket.put("postgres/app/readme.txt")
    assert await list_backups(bucket.cloud, bucket.name, "app") == []


async def test_a_verified_backup_says_when_and_by_what(bucket: Bucket) -> None:
    bucket.manifest("app", OLD)
    bucket.put(f"postgres/app/{OLD}/verified.json", '{"verified_at": "2026-01-01T03:00:00Z", "by": "drill"}')
    found = await list_backups(bucket.cloud, bucket.name, "app")
    assert "2026-01-01T03:00:00Z by drill" in list(table(found, NOW))[1]
    assert found[0].document()["verified_by"] == "drill"


async def test_the_page_of_json_lists_every_field_of_a_backup_with_its_type_and_no_other(
    bucket: Bucket,
) -> None:
    bucket.manifest("app", OLD)
    bucket.put(f"postgres/app/{OLD}/verified.json", '{"verified_at": "2026-01-01T03:00:00Z", "by": "drill"}')
    bucket.manifest("app", NEW, format=3)
    bucket.put("postgres/app/20260103T020000Z-0000cccc/dump.zst")
    listed = [each.document() for each in await list_backups(bucket.cloud, bucket.name, "app")]
    assert found([json.loads(json.dumps(listed))]) == documented("backups")


def test_the_page_is_written_for_a_browser_and_its_place_is_printed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket.manifest(DATABASE, OLD)
    place = nullcontext((bucket.cloud, bucket.name))
    monkeypatch.setattr(console.TerminalCall, "open_bucket", lambda _: place)
    monkeypatch.setattr(console, "REPORTS", tmp_path / "reports")
    done = CliRunner().invoke(main, ["backups", "--html"])
    page = tmp_path / "reports/backups.html"
    assert (done.exit_code, done.output) == (0, f"the page is {page}\n")
    assert 'class="id">0000aaaa<' in page.read_text()
    assert [each.name for each in page.parent.iterdir()] == ["backups.html"]
    done = CliRunner().invoke(main, ["backups", "--json"])
    assert [each["id"] for each in json.loads(done.stdout)] == ["0000aaaa"]


async def test_an_unverified_backup_says_never(bucket: Bucket) -> None:
    bucket.manifest("app", OLD)
    line = list(table(await list_backups(bucket.cloud, bucket.name, "app"), NOW))[1]
    assert line.split() == ["0000aaaa", "2", "d", "2", "MB", "2", "42", "yes", "never"]


GOOD = manifest("app", NEW, "2026-01-02T02:00:00Z")
DUMP, TABLE = GOOD["objects"]["dump"], GOOD["tables"][0]


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "[" * 100_000,
        '{"format": 2}',
        json.dumps({**GOOD, "format": "\u001b[2J"}),
        json.dumps({**GOOD, "database": "app_staging"}),
        json.dumps({**GOOD, "objects": {}}),
        json.dumps({**GOOD, "objects": GOOD["objects"] | {"dump": {**DUMP, "size": 10**400}}}),
        json.dumps({**GOOD, "objects": GOOD["objects"] | {"\u001b[2J": DUMP}}),
        json.dumps({**GOOD, "tables": None}),
        json.dumps({**GOOD, "tables": [{**TABLE, "rows": "many"}]}),
        json.dumps({**GOOD, "tables": [{**TABLE, "rows": -1}]}),
        json.dumps({**GOOD, "database_bytes": 10**400}),
        " " * (64 << 20) + json.dumps(GOOD),
        json.dumps({**GOOD, "started_at": "yesterday"}),
        json.dumps({**GOOD, "started_at": "0001-01-01T00:00:00+23:59"}),
        json.dumps({**GOOD, "started_at": None}),
    ],
)
async def test_a_manifest_that_cannot_be_used_is_one_bad_line(bucket: Bucket, text: str) -> None:
    bucket.manifest("app", OLD)
    bucket.put(f"postgres/app/{NEW}/manifest.json", text)
    bad, good = await list_backups(bucket.cloud, bucket.name, "app")
    assert (good.id, good.problem) == ("0000aaaa", None)
    lines = list(table([bad, good], NOW))
    assert re.search("0000bbbb .* BAD .* its manifest ", lines[1])
    assert bad.document()["problem"] in lines[1]
    assert lines[1].isprintable()
    assert len(lines) == 3


async def test_a_newest_backup_that_cannot_be_used_is_not_replaced_by_an_older_one_silently(
    bucket: Bucket,
) -> None:
    bucket.manifest("app", OLD)
    bucket.manifest("app", NEW, format=3)
    found = await list_backups(bucket.cloud, bucket.name, "app")
    for wanted in (None, "0000bbbb"):
        with pytest.raises(
            BackupError, match=r"0000bbbb cannot be used: .* has format 3, not 1 or 2"
        ) as caught:
            choose(found, wanted, DATABASE)
        assert "--id 0000aaaa" in caught.value.fix
    assert choose(found, "0000aaaa", DATABASE).name == OLD


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        '{"verified_at": "soon", "by": "x"}',
        '{"verified_at": "2026-01-01", "by": "\\u001b[2J"}',
        '{"verified_at": "0001-01-01T00:00:00+14:00", "by": "x"}',
    ],
)
async def test_a_verification_that_cannot_be_read_counts_for_nothing(bucket: Bucket, text: str) -> None:
    bucket.manifest("app", OLD)
    bucket.put(f"postgres/app/{OLD}/verified.json", text)
    [found] = await list_backups(bucket.cloud, bucket.name, "app")
    assert (found.problem, found.verified_at, found.verified_by) == (None, None, None)


@pytest.mark.parametrize("between", ["\\n", "\\u001b", "T"])
async def test_the_time_of_a_verification_is_written_in_one_way(bucket: Bucket, between: str) -> None:
    bucket.manifest("app", OLD)
    verified = f'{{"verified_at": "2026-01-01{between}03:00:00+01:00", "by": "x"}}'
    bucket.put(f"postgres/app/{OLD}/verified.json", verified)
    [found] = await list_backups(bucket.cloud, bucket.name, "app")
    assert found.verified_at == "2026-01-01T02:00:00Z"


async def test_the_time_is_that_of_the_snapshot_not_of_the_name(bucket: Bucket) -> None:
    bucket.manifest("app", NEW, started_at="2026-01-01T02:00:00Z")
    [found] = await list_backups(bucket.cloud, bucket.name, "app")
    assert found.taken == datetime(2026, 1, 1, 2, 0, tzinfo=UTC)


async def test_a_bucket_that_is_not_there_is_an_error_with_its_name(bucket: Bucket) -> None:
    with pytest.raises(BackupError, match="of-nobody"):
        await list_backups(bucket.cloud, "of-nobody", "app")


async def test_a_backup_is_chosen_by_its_id(bucket: Bucket) -> None:
    bucket.manifest("app", OLD)
    bucket.manifest("app", NEW)
    found = await list_backups(bucket.cloud, bucket.name, "app")
    assert choose(found, "0000aaaa", DATABASE).name == OLD
    with pytest.raises(BackupError, match="ffffffff"):
        choose(found, "ffffffff", DATABASE)


def test_without_any_backup_none_is_chosen() -> None:
    with pytest.raises(BackupError, match="no backup yet"):
        choose([], None, DATABASE)


async def test_a_thousand_and_one_backups_are_all_listed(bucket: Bucket) -> None:
    for number in range(1001):
        bucket.put(f"postgres/app/20250101T000000Z-{number:08x}/dump.zst")
    assert len(await list_backups(bucket.cloud, bucket.name, "app")) == 1001
