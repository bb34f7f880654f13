"""The moments at which S3 is asked, how it fails, and a node that meets it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.backup_runs import Finished
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault
from tests.support.node_ends import remove

IN_PARTS = """
create table photos as select n as id, (
  select string_agg(sha512((n * 1000 + i)::text::bytea), '') from generate_series(1, 160) i) as photo
from generate_series(1, 1000) n;
"""
"""10 MB that nothing compresses: parts have 8 MB."""
NOT_UPLOADED = "failed, nothing was published; the lines above say why; then run it again"
NOT_DOWNLOADED = "cannot be downloaded; check that it exists, the network, and the role of this machine"
DAMAGED = (
    "is not what was uploaded, its SHA-256 differs; "
    "restore an older backup with --id, or bring back the object's earlier version"
)


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
        f"the upload of globals.json.zst {NOT_UPLOADED}",
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
        "postgres/{database}/{newest}/globals.json.zst " + NOT_DOWNLOADED,
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
SAYS = {moment.name: moment.says for moment in MOMENTS}
UNDERSTOOD = {  # an answer that is no error for who only takes the content
    "restore: the manifest": (
        "the manifest of {newest} cannot be understood; restore another backup with --id",
        1,
    ),
    "restore: the roles": ("postgres/{database}/{newest}/globals.json.zst " + DAMAGED, 4),
    "restore: a later part of the dump": ("postgres/{database}/{newest}/dump.zst " + DAMAGED, 4),
}


def fault(kind: str, moment: Moment) -> Fault:
    says, code = (
        UNDERSTOOD.get(moment.name, (moment.says, 1)) if kind == "200 with an error" else (moment.says, 1)
    )
    return Fault(f"S3: {kind}", moment.name, says, code, (kind, moment))


def in_parts(
    directory: Path, postgres: Postgres, localstack: LocalStack, proxy: FaultProxy
) -> Iterator[Node]:
    """A node that reaches S3 through the proxy, with a backup that is uploaded in parts."""
    node = Node(directory / "node", postgres, localstack)
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


def be_impatient(node: Node) -> None:
    """Let the node wait for an answer of S3 for a moment, and not for a minute."""
    node.mutate("store.py", "read_timeout=60", "read_timeout=3")


def run(node: Node, moment: Moment) -> Finished:
    if moment.script == "backup-pg.sh":
        return node.backup()
    return node.restore(*(["--verify"] if moment.name.startswith("verify") else []))


def makes_no_backup_and_no_restore(node: Node, proxy: FaultProxy, case: Fault) -> None:
    """S3 fails at a moment, for as long as it is asked: nothing has changed."""
    kind, moment = case.how
    configure(node, proxy)
    before = Before(node)
    with node.changes_undone(), proxy.making(kind, moment.request) as trouble:
        if kind == "stall":
            be_impatient(node)
        done = run(node, moment)
    assert trouble.met
    before.survives(done, case.says, case.code, moment.script)
