"""S3 that fails at a telling moment of a backup or a restore, through a proxy between the program and it."""

from collections.abc import Iterator

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Fault, Retried, cases
from tests.support.s3_faults import MOMENTS, configure, fault, in_parts, makes_no_backup_and_no_restore

TELLING = tuple(
    fault(kind, moment)
    for kind, name in (
        ("503", "backup: a later part"),
        ("reset", "restore: a later part of the dump"),
        ("200 with an error", "backup: the end of the upload"),
        ("403", "backup: the manifest"),
        ("expired credentials", "backup: the listing"),
    )
    for moment in MOMENTS
    if moment.name == name
)


@pytest.fixture(scope="module")
def beyond(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, localstack: LocalStack, proxy: FaultProxy
) -> Iterator[Node]:
    yield from in_parts(tmp_path_factory.mktemp("beyond"), postgres, localstack, proxy)


@pytest.mark.parametrize("case", cases(TELLING))
def test_s3_that_fails_at_a_telling_moment_makes_no_backup_and_no_restore(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    makes_no_backup_and_no_restore(beyond, proxy, case)


ONCE = (
    Retried("S3: the answer is lost", "backup: a later part", how=("lost", "PUT .*partNumber=2")),
    Retried(
        "S3: the answer is lost",
        "backup: the manifest",
        "noticed when it is sent again: the run ends well",
        how=("lost", "PUT .*manifest"),
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
