"""S3 that fails in each way, at each moment of a backup and of a restore."""

from collections.abc import Iterator

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.node.test_faults_s3 import TELLING
from tests.support.backup_node import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.s3_faults import (
    MOMENTS,
    SAYS,
    be_impatient,
    configure,
    fault,
    in_parts,
    makes_no_backup_and_no_restore,
)

TRIED_AGAIN = "the lines above say why; the next run tries again"
ROLE = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "false"}
OLD = "20260101T000000Z-0123abcd"
WHAT_PASSES = ("500", "503", "408", "429", "reset", "stall", "200 with an error")
WHAT_STAYS = ("403", "no bucket", "expired credentials")
SMALL = {"backup: the roles", "backup: the attachments", "restore: the attachments"}
"""At these, one of each sort of failure shows enough: what moves them is what moves the dump."""
LASTING = tuple(
    fault(kind, moment)
    for kind in WHAT_PASSES + WHAT_STAYS
    for moment in MOMENTS
    if (moment.name not in SMALL or kind in ("503", "stall", "403")) and fault(kind, moment) not in TELLING
)
PASSING = (
    *(
        Retried(f"S3: {kind}", f"once, at {moment}", how=(kind, script, request))
        for moment, script, request in (
            ("a part of the upload", "backup-pg.sh", "PUT .*partNumber=2"),
            ("a part of the download", "restore-pg-latest.sh", "GET .*dump.* bytes=[1-9]"),
        )
        for kind in WHAT_PASSES
        if (kind, moment) != ("200 with an error", "a part of the download")
    ),
    Retried(
        "S3: the answer breaks off",
        "once, at a part of the download",
        how=("half", "restore-pg-latest.sh", "GET .*dump.* bytes=[1-9]"),
    ),
)
REMOVAL = tuple(
    Fault(
        f"S3: {kind}",
        "backup: the removal of an old one",
        f"the backup stands, but {OLD} could not be removed; " + TRIED_AGAIN,
        how=kind,
    )
    for kind in ("403", "503", "reset")
)


@pytest.fixture(scope="module")
def beyond(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, localstack: LocalStack, proxy: FaultProxy
) -> Iterator[Node]:
    yield from in_parts(tmp_path_factory.mktemp("beyond"), postgres, localstack, proxy)


@pytest.mark.parametrize("case", cases(LASTING))
def test_s3_that_fails_makes_no_backup_and_no_restore(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    makes_no_backup_and_no_restore(beyond, proxy, case)


@pytest.mark.parametrize("case", cases(PASSING))
def test_what_passes_is_tried_again_and_the_backup_is_good(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    kind, script, request = case.how
    configure(beyond, proxy)
    with beyond.changes_undone(), proxy.making(kind, request, times=1) as trouble:
        if kind == "stall":
            be_impatient(beyond)
        done = beyond.backup() if script == "backup-pg.sh" else beyond.restore("--verify")
    assert trouble.met
    assert (done.code, done.json["id"]) == (0, beyond.manifest()["id"])


METADATA = (Fault("the metadata service is down", "from the start", SAYS["backup: the listing"]),)
"""What it has said once lasts for the run: it is asked again before that expires."""


@pytest.mark.parametrize("case", cases(METADATA))
def test_without_the_roles_credentials_there_is_no_backup(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    configure(
        beyond,
        proxy,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=proxy.url,
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="2",
        **ROLE,
    )
    before = Before(beyond)
    with proxy.making("reset", "/latest/") as trouble:
        done = beyond.backup()
    assert trouble.met
    before.survives(done, case.says)


CREDENTIALS = (Retried("the metadata service is down", "once"),)


@pytest.mark.parametrize("case", cases(CREDENTIALS))
def test_the_metadata_service_is_asked_again(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    configure(beyond, proxy, AWS_EC2_METADATA_SERVICE_ENDPOINT=proxy.url, **ROLE)
    with proxy.making("reset", "GET /latest/", times=1) as trouble:
        assert beyond.backup().code == 0
    assert trouble.met


@pytest.mark.parametrize("case", cases(REMOVAL))
def test_a_removal_that_fails_is_told_and_the_new_backup_stands(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    configure(beyond, proxy, KEEP_DAILY="1", KEEP_WEEKLY="0")
    beyond.write(f"postgres/{beyond.database}/{OLD}/manifest.json", "{}")
    before = Before(beyond)
    with proxy.making(case.how, "DELETE "):
        done = beyond.backup()
    assert done.code == 1
    assert beyond.alert() == f"backup-pg.sh: {case.says}\n"
    assert beyond.content() == before.content
    assert set(before.manifests()) > set(before.complete)


ORDER = (
    Retried(
        "S3: 403",
        "backup: the removal of an old one, when its manifest is gone",
        "exit 1: a half removed backup is not a backup any more",
    ),
)


@pytest.mark.parametrize("case", cases(ORDER))
def test_the_manifest_of_an_old_backup_goes_first(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    configure(beyond, proxy, KEEP_DAILY="1", KEEP_WEEKLY="0")
    for file in ("dump.zst", "manifest.json"):
        beyond.write(f"postgres/{beyond.database}/{OLD}/{file}", "{}")
    with proxy.making("403", f"DELETE .*{OLD}/dump") as trouble:
        assert beyond.backup().code == 1
    assert trouble.met
    assert beyond.objects(f"postgres/{beyond.database}/{OLD}/") == [
        f"postgres/{beyond.database}/{OLD}/dump.zst"
    ]
