"""A state's lock: told, read from the tools' words, and not taken for another error."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import SettingsError, StateLocked
from pipeline.steps.failures import diagnose
from pipeline.steps.lock import Lock, find_lock_in, new_lock, read_lock
from tests.support.locks import OF_THE_TOOL


async def test_a_lock_is_told_with_owner_time_age_operation_and_id() -> None:
    created = datetime.now(UTC) - timedelta(hours=3)
    words = str(Lock("12-3", "me@host", "OperationTypeApply", created))
    assert words == f"by me@host, since {created:%Y-%m-%d %H:%M:%S} UTC, 3 h ago, for apply (lock 12-3)"


@pytest.mark.parametrize("document", [None, [], {}, {"ID": 7, "Created": "never"}, {"Who": None}])
async def test_a_lock_that_says_little_is_told_all_the_same(document: object) -> None:
    assert "by an unknown run (lock " in str(read_lock(document))


def test_a_lock_survives_being_written_and_read() -> None:
    mine = new_lock("migrate-state")
    assert mine.created
    read = read_lock(json.loads(json.dumps(mine.document())))
    assert read == replace(mine, created=mine.created.replace(microsecond=0))
    assert "@" in mine.who


def test_the_tools_words_are_read() -> None:
    found = find_lock_in(OF_THE_TOOL.format("resource temporarily unavailable"))
    assert found
    assert (found.id, found.who, found.operation) == ("123-4", "me@host", "OperationTypeApply")
    assert found.created == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert find_lock_in("something else") is None


def test_terraforms_own_lock_is_not_taken_for_the_one_that_an_http_server_has() -> None:
    assert find_lock_in(OF_THE_TOOL.format("HTTP remote state already locked:\nID=9-9")) == Lock("9-9")
    told_by_opentofu = find_lock_in(OF_THE_TOOL.format("HTTP remote state already locked: ID=123-4"))
    assert told_by_opentofu
    assert told_by_opentofu.who == "me@host"
    assert told_by_opentofu.operation == ""  # GitLab tells the one of whoever asks


def test_a_locked_state_is_one_error_with_its_owner_and_the_verb_that_breaks_it() -> None:
    error = diagnose("app: apply", 1, "", OF_THE_TOOL.format("api error PreconditionFailed"), "s3")
    assert isinstance(error, StateLocked)
    assert error.what.startswith("app: apply: the state is locked by me@host, since 2026-11-23 10:00:00 UTC")
    assert "`quickdata unlock app --state s3`" in error.fix
    moving = diagnose("app in s3: state push", 1, "", OF_THE_TOOL.format("api error"), "s3")
    assert "`quickdata unlock app --state s3`" in moving.fix


def test_a_wrong_passphrase_and_an_encrypted_state_are_not_taken_for_a_lock() -> None:
    wrong = "failed to write backup file: decryption failed for all\nprovided methods"
    assert "cannot be decrypted with this passphrase" in diagnose("x", 1, "", OF_THE_TOOL.format(wrong)).what
    for said in (
        'Unsupported state file format: The state file does not have a\n"version" attribute, which',
        "This state file is encrypted and can not be read without an encryption\nconfiguration",
    ):
        error = diagnose("app: plan", 1, "", OF_THE_TOOL.format(said))
        assert isinstance(error, SettingsError)
        assert "the state is encrypted" in error.what
        assert "Terraform cannot read the state" in error.fix
