"""Objects in parts that grow, in a real S3; and what S3 cannot hold."""

import pytest

from tests.support.backup_node import Node
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.s3_faults import IN_PARTS

GROWS = (
    Retried(
        "the dump is many times as large as its database",
        "backup",
        "its parts grow, so S3's 10,000 hold it; it comes back",
    ),
)


@pytest.mark.parametrize("case", cases(GROWS))
def test_a_dump_that_is_larger_than_expected_goes_up_in_larger_parts(node: Node, case: Retried) -> None:
    node.create(IN_PARTS.replace("1000) n", "4000) n"))  # 40 MB
    node.mutate("parts.py", "SMALLEST = 8 << 20", "SMALLEST = 5 << 20")
    node.mutate("parts.py", "EXPECTED = 8_000", "EXPECTED = 2")
    node.mutate("parts.py", "STEP = 250", "STEP = 1")
    node.mutate(
        "backup.py",
        "[lambda: dump(server, snapshot)],\n            size,",
        "[lambda: dump(server, snapshot)],\n            0,",
    )
    assert node.backup().code == 0
    dump = node.manifest()["objects"]["dump"]
    sizes = [
        node.s3.head_object(Bucket=node.bucket, Key=dump["key"], PartNumber=number)["ContentLength"]
        for number in (1, 2, 3, 4)
    ]
    assert sizes == [5 << 20, 5 << 20, 10 << 20, min(20 << 20, dump["size"] - (20 << 20))]
    assert node.restore("--verify").code == 0


HUGE = (
    Fault(
        "the database is larger than S3's largest object",
        "backup: before the dump",
        "the backup would be too large for S3, nothing was dumped;"
        " copy the server's files instead, as pgBackRest does",
    ),
)


@pytest.mark.parametrize("case", cases(HUGE))
def test_what_s3_cannot_hold_is_refused_before_anything_is_dumped(stocked: Node, case: Fault) -> None:
    stocked.mutate("parts.py", "LARGEST = 5 << 30", "LARGEST = 1")
    stocked.replace("pg_dump", f'touch {stocked.directory}/dumped; exec $REAL "$@"')
    before = Before(stocked)
    before.survives(stocked.backup(), case.says)
    assert not (stocked.directory / "dumped").exists()
