"""S3 that fails, at each moment of a backup and of a restore, through a proxy between the scripts and it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.backup_runs import Finished
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.node_ends import remove

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
        "s3://{bucket} cannot be listed; check BACKUP_BUCKET, AWS_REGION and the role of this machine",
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
        "backup: the roles",
        "backup-pg.sh",
        "PUT .*globals",
        f"the upload of globals.sql.zst {NOT_UPLOADED}",
    ),
    Moment(
        "backup: the attachments",
        "backup-pg.sh",
        "PUT .*attachments",
        f"the upload of attachments.tar.zst {NOT_UPLOADED}",
    ),
    Moment(
        "restore: the listing",
        "restore-pg-latest.sh",
        "list-type=2",
        "s3://{bucket} cannot be listed; check BACKUP_BUCKET, AWS_REGION and the role of this machine",
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
        "restore: the attachments",
        "restore-pg-latest.sh",
        "GET .*attachments",
        "postgres/{database}/{newest}/attachments.tar.zst " + NOT_DOWNLOADED,
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


SMALL = {"backup: the roles", "backup: the attachments", "restore: the attachments"}
"""At these, one of each sort of failure shows enough: what moves them is what moves the dump."""
LASTING = tuple(
    fault(kind, moment)
    for kind in WHAT_PASSES + WHAT_STAYS
    for moment in MOMENTS
    if moment.name not in SMALL or kind in ("503", "stall", "403")
)
PASSING = tuple(
    Retried(f"S3: {kind}", f"once, at {moment}", how=(kind, script, request), quick=kind == "reset")
    for moment, script, request in (
        ("a part of the upload", "backup-pg.sh", "PUT .*partNumber=2"),
        ("a part of the download", "restore-pg-latest.sh", "GET .*dump.* bytes=[1-9]"),
    )
    for kind in WHAT_PASSES
    if (kind, moment) != ("200 with an error", "a part of the download")
)
SAYS = {moment.name: moment.says for moment in MOMENTS}
METADATA = (
    Fault("the metadata service is down", "from the start", SAYS["backup: the listing"], how=0, quick=True),
    Fault(
        "the metadata service is down",
        "when the uploads begin",
        SAYS["backup: the start of the upload"],
        how=3,
    ),
    Fault("the metadata service is down", "at the manifest", SAYS["backup: the manifest"], how=12),
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
    (node.directory / "uploads").mkdir()
    (node.directory / "uploads" / "photo").write_bytes(b"photo")
    configure(node, proxy)
    assert node.backup().code == 0
    yield node
    remove(node)


def configure(node: Node, proxy: FaultProxy, **changes: str) -> None:
    with_attachments = {"ATTACHMENTS_DIR": str(node.directory / "uploads"), **changes}
    node.configure(AWS_ENDPOINT_URL=proxy.url, AWS_MAX_ATTEMPTS="2", **with_attachments)


def run(node: Node, moment: Moment) -> Finished:
    if moment.script == "backup-pg.sh":
        return node.backup()
    return node.restore(*(["--verify"] if moment.name.startswith("verify") else []))


@pytest.mark.parametrize("case", cases(LASTING))
def test_s3_that_fails_makes_no_backup_and_no_restore(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    kind, moment = case.how
    configure(beyond, proxy, **{"AWS_CLI": str(beyond.replace("aws", IMPATIENT))} if kind == "stall" else {})
    before = Before(beyond)
    with proxy.making(kind, moment.request) as trouble:
        done = run(beyond, moment)
    assert trouble.met
    before.survives(done, case.says, case.code, moment.script)


@pytest.mark.parametrize("case", cases(PASSING))
def test_what_passes_is_tried_again_and_the_backup_is_good(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    kind, script, request = case.how
    shim = {"AWS_CLI": str(beyond.replace("aws", IMPATIENT))} if kind == "stall" else {}
    configure(beyond, proxy, **shim)
    with proxy.making(kind, request, times=1) as trouble:
        done = beyond.backup() if script == "backup-pg.sh" else beyond.restore("--verify")
    assert trouble.met
    assert (done.code, done.json["id"]) == (0, beyond.manifest()["id"])


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


ORDER = (
    Retried(
        "S3: 403",
        "backup: the removal of an old one, when its manifest is gone",
        "exit 1: what is half removed is no backup any more",
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
