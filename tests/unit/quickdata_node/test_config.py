"""The values of a configuration: every problem is told at once."""

import pytest

from quickdata_node.config import find_problems

GOOD = {
    "DATABASE": "app",
    "BACKUP_BUCKET": "b",
    "AWS_REGION": "eu-west-3",
    "STATE_DIR": "/x",
    "LOCK_FILE": "/x/lock",
    "KEEP_DAILY": "7",
    "KEEP_WEEKLY": "0",
}


def test_a_good_configuration_has_no_problem() -> None:
    assert list(find_problems(GOOD)) == []


def test_every_problem_is_found() -> None:
    wrong = {"DATABASE": "x" * 47, "KEEP_DAILY": "0", "KEEP_WEEKLY": "many"}
    assert list(find_problems(wrong)) == [
        "BACKUP_BUCKET is missing",
        "AWS_REGION is missing",
        "STATE_DIR is missing",
        "LOCK_FILE is missing",
        "KEEP_WEEKLY is not a number",
        "KEEP_DAILY is 0",
        "DATABASE is longer than 46 bytes",
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".", "line\nbreak"])
def test_a_database_is_called_what_a_key_can_hold(name: str) -> None:
    assert list(find_problems({**GOOD, "DATABASE": name})) == ["DATABASE cannot be part of an S3 key"]
