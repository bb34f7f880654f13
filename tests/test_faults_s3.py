"""S3 that fails, at each moment of a backup and of a restore, through a proxy between the scripts and it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipeline.postgres import Postgres
from pipeline.rehearsal.localstack import LocalStack
from tests.backup_fixtures import removed
from tests.backup_node import Node
from tests.backup_runs import Finished
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.faults import Before, Fault, Retried, cases

IN_PARTS = """
create table photos as select n as id, (
  select string_agg(sha512((n * 1000 + i)::text::bytea), '') from generate_series(1, 160) i) as photo
from generate_series(1, 1000) n;
"""
"""10 MB that nothing compresses: awscli sends parts of 8 MB."""
NOT_UPLOADED = "failed, nothing was published; the lines above say why; then run it again"
NOT_DOWNLOADED = "cannot be downloaded; check that it exists, the network, and the role of this machine"
DAMAGED = (
    "is not what was uploaded, its SHA-256 differs; "
    "restore an older backup with --id, or bring back the object's earlier version"
)
TRIED_AGAIN = "the lines above say why; the next run tries again"
OLD = "20260101T000000Z-0123abcd"
ROLE = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "false"}
IMPATIENT = '[[ " $* " == *" --cli-read-timeout 60 "* ]] || exit 99; exec "$REAL" "${@/#60/3}"'


class Moment(NamedTuple):
    name: str
    script: str
    request: str
    says: str


MOMENTS = (
    Moment(
        "backup: the listing",
        "backup-pg.sh",
        "list-type=2",
        "s3://{bucket} cannot be listed; check BUCKET, AWS_REGION and the role of this machine",
    ),
    Moment(
        "backup: the start of the upload",
        "backup-pg.sh",
        r"POST .*dump.*\?uploads",
        f"the upload of dump.zst {NOT_UPLOADED}",
    ),
    Moment(
        "backup: the upload's first part",
        "backup-pg.sh",
        "PUT .*dump.*partNumber=1",
        f"the upload of dump.zst {NOT_UPLOADED}",
    ),
    Moment(
        "backup: a later part",
        "backup-pg.sh",
        "PUT .*dump.*partNumber=2",
        f"the upload of dump.zst {NOT_UPLOADED}",
    ),
    Moment(
        "backup: the end of the upload",
        "backup-pg.sh",
        "POST .*dump.*uploadId=",
        f"the upload of dump.zst {NOT_UPLOADED}",
    ),
    Moment(
        "backup: the manifest",
        "backup-pg.sh",
        "PUT .*manifest.json",
        "the manifest was refused, the backup does not exist; the lines above say why; then run it again",
    ),
    Moment(
        "restore: the listing",
        "restore-pg-latest.sh",
        "list-type=2",
        "s3://{bucket} cannot be listed; check BUCKET, AWS_REGION and the role of this machine",
    ),
    Moment(
        "restore: the manifest",
        "restore-pg-latest.sh",
        "GET .*manifest.json",
        "the manifest of {newest} cannot be downloaded; check the network and the role of this machine",
    ),
    Moment(
        "restore: the roles",
        "restore-pg-latest.sh",
        "GET .*globals",
        "postgres/{database}/{newest}/globals.sql.zst " + NOT_DOWNLOADED,
    ),
    Moment(
        "restore: a later part of the dump",
        "restore-pg-latest.sh",
        "GET .*dump.* bytes=[1-9]",
        "postgres/{database}/{newest}/dump.zst " + NOT_DOWNLOADED,
    ),
    Moment(
        "verify: the note that it is verified",
        "restore-pg-latest.sh",
        "PUT .*verified.json",
        "the backup is good, but verified.json cannot be written; the lines above say why",
    ),
)
WHAT_PASSES = ("500", "503", "408", "429", "reset", "stall", "200 with an error")
WHAT_STAYS = ("403", "no bucket", "expired credentials")
QUICK = {
    ("503", "backup: a later part"),
    ("reset", "restore: a later part of the dump"),
    ("200 with an error", "backup: the end of the upload"),
    ("403", "backup: the manifest"),
    ("expired credentials", "backup: the listing"),
}
UNDERSTOOD = {  # an answer that is no error for who only takes the content
    "restore: the manifest": (
        "the manifest of {newest} cannot be understood; restore another backup with --id",
        1,
    ),
    "restore: the roles": ("postgres/{database}/{newest}/globals.sql.zst " + DAMAGED, 4),
    "restore: a later part of the dump": ("postgres/{database}/{newest}/dump.zst " + DAMAGED, 4),
}


def fault(kind: str, moment: Moment) -> Fault:
    says, code = (
        UNDERSTOOD.get(moment.name, (moment.says, 1)) if kind == "200 with an error" else (moment.says, 1)
    )
    return Fault(f"S3: {kind}", moment.name, says, code, (kind, moment), (kind, moment.name) in QUICK)


LASTING = tuple(fault(kind, moment) for kind in WHAT_PASSES + WHAT_STAYS for moment in MOMENTS)
PASSING = tuple(
    Retried(
        f"S3: {kind}",
        "once, at a part of the upload, and at a download",
        how=kind,
        quick=kind == "reset",
    )
    for kind in WHAT_PASSES
)
LISTED, UPLOADED = MOMENTS[0].says, MOMENTS[1].says
METADATA = (
    Fault("the metadata service is down", "from the start", LISTED, how=0, quick=True),
    Fault("the metadata service is down", "when the uploads begin", UPLOADED, how=3),
    Fault("the metadata service is down", "at the manifest", MOMENTS[5].says, how=9),
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
def proxy(localstack: LocalStack) -> Iterator[FaultProxy]:
    with fault_proxy(localstack.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def beyond(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, localstack: LocalStack, proxy: FaultProxy
) -> Iterator[Node]:
    """A node that reaches S3 through the proxy, with a backup that is uploaded in parts."""
    node = Node(tmp_path_factory.mktemp("beyond") / "node", postgres, localstack)
    node.create(IN_PARTS)
    configure(node, proxy)
    assert node.backup().code == 0
    yield node
    removed(node)


def configure(node: Node, proxy: FaultProxy, **changes: str) -> None:
    node.configure(AWS_ENDPOINT_URL=proxy.url, AWS_MAX_ATTEMPTS="2", **changes)


def run(node: Node, script: str) -> Finished:
    return node.backup() if script == "backup-pg.sh" else node.restore("--verify")


@pytest.mark.parametrize("case", cases(LASTING))
def test_s3_that_fails_makes_no_backup_and_no_restore(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    kind, moment = case.how
    configure(beyond, proxy, **{"AWS_CLI": str(beyond.replace("aws", IMPATIENT))} if kind == "stall" else {})
    before = Before(beyond)
    with proxy.making(kind, moment.request) as trouble:
        done = run(beyond, moment.script)
    assert trouble.met
    before.survives(done, case.says, case.code, moment.script)


@pytest.mark.parametrize("case", cases(PASSING))
def test_what_passes_is_tried_again_and_the_backup_is_good(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    shim = {"AWS_CLI": str(beyond.replace("aws", IMPATIENT))} if case.how == "stall" else {}
    configure(beyond, proxy, **shim)
    before = len(beyond.backups())
    with proxy.making(case.how, "PUT .*partNumber=2", times=1) as trouble:
        assert beyond.backup().code == 0
    assert trouble.met and len(beyond.backups()) == before + 1
    download = "list-type=2" if case.how == "200 with an error" else "GET .*dump.* bytes=[1-9]"
    with proxy.making(case.how, download, times=1):
        assert beyond.restore("--verify").json["id"] == beyond.manifest()["id"]


ONCE = (
    Retried("S3: the answer is lost", "backup: a later part", how=("lost", "PUT .*partNumber=2")),
    Retried(
        "S3: the answer is lost",
        "backup: the manifest",
        "seen when it is sent again: the run ends well",
        how=("lost", "PUT .*manifest"),
        quick=True,
    ),
    Retried("S3: 408", "once, at the manifest", how=("408", "PUT .*manifest")),
)


@pytest.mark.parametrize("case", cases(ONCE))
def test_a_request_that_fails_once_does_not_make_a_good_backup_a_failure(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    configure(beyond, proxy)
    kind, request = case.how
    with proxy.making(kind, request, times=1) as trouble:
        done = beyond.backup()
    assert trouble.met
    assert (done.code, done.json["id"]) == (0, beyond.manifest()["id"])


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
    with proxy.making("reset", "/latest/", after=case.how) as trouble:
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


ORDER = (Retried("a removal is cut off", "backup: the removal of an old one", "its manifest goes first"),)


@pytest.mark.parametrize("case", cases(ORDER))
def test_the_manifest_of_an_old_backup_goes_first(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    configure(beyond, proxy, KEEP_DAILY="1", KEEP_WEEKLY="0")
    for file in ("dump.zst", "manifest.json"):
        beyond.write(f"postgres/{beyond.database}/{OLD}/{file}", "{}")
    with proxy.making("nothing", f"DELETE .*{OLD}") as seen:
        assert beyond.backup().code == 0
    assert [request.split()[1].rsplit("/", 1)[1] for request in seen.met] == ["manifest.json", "dump.zst"]
