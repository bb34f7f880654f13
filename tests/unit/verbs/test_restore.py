"""The verb restore: which options go together, and what it says when objects are missing."""

import pytest

from pipeline.errors import PipelineError, RestoredInPart, SettingsError
from pipeline.verbs.options import valid_moment, valid_point
from pipeline.verbs.restore import require_complete, require_one_kind, valid_into
from tests.support.recording import RecordingRunner, deployment, failed_in_ansible
from tests.support.verbs import do


def test_a_restore_in_part_has_an_exit_code_of_its_own_and_names_each_object() -> None:
    with pytest.raises(RestoredInPart) as caught:
        require_complete("3f2a9c1d", ["INDEX i: ERROR: a", "TRIGGER t: ERROR: b"])
    assert caught.value.exit_code == 5
    assert caught.value.what.splitlines()[1:] == ["  INDEX i: ERROR: a", "  TRIGGER t: ERROR: b"]
    require_complete("3f2a9c1d", [])


Given = tuple[str | None, str | None, bool]
TOGETHER: list[Given] = [("t", "p", False), ("t", None, True), (None, "p", True)]


@pytest.mark.parametrize("given", TOGETHER)
def test_a_moment_and_a_backup_exclude_each_other(given: Given) -> None:
    with pytest.raises(SettingsError):
        require_one_kind(*given)


def test_one_database_needs_a_moment() -> None:
    with pytest.raises(SettingsError, match="--into needs --to-time or --to-point"):
        require_one_kind(None, None, of_backup=False, into="shop")
    require_one_kind("t", None, of_backup=False, into="shop")


def test_the_name_of_one_database_reaches_the_node_as_a_name() -> None:
    assert valid_into("shop") == "shop"
    assert valid_into(None) is None
    with pytest.raises(ValueError, match="has a brace"):
        valid_into("{{ lookup('env', 'HOME') }}")


def test_a_moment_alone_or_a_backup_alone_is_accepted() -> None:
    require_one_kind("t", None, of_backup=False)
    require_one_kind(None, None, of_backup=True)


@pytest.mark.parametrize("given", ["yesterday", "2026-11-28 14:55:00", "{{ lookup('env', 'HOME') }}"])
def test_a_time_needs_its_zone_and_nothing_else_passes(given: str) -> None:
    with pytest.raises(ValueError, match="write it like 2026-11-28 14:55:00"):
        valid_moment(given)


def test_a_time_goes_to_the_node_in_one_form() -> None:
    assert valid_moment("2026-11-28 14:55:00+01:00") == "2026-11-28T14:55:00+01:00"
    assert valid_moment("latest") == "latest"
    assert valid_point("quickdata_20261128T010203Z_0123abcd") == "quickdata_20261128T010203Z_0123abcd"
    with pytest.raises(ValueError, match="is not the name of a point"):
        valid_point("quickdata_; rm")


@pytest.mark.parametrize("into", [None, "shop"])
async def test_a_moment_that_cannot_be_reached_is_refused_before_anything_is_stopped(
    into: str | None,
) -> None:
    look = "recovery: look at the backups and the WAL"
    runner = RecordingRunner({look: (2, failed_in_ansible("", 1))})
    with pytest.raises(PipelineError, match=look):
        await do("restore", deployment(runner), to_time="2026-11-28T14:55:00+01:00", into=into)
    assert runner.names[-1] == look and not any("stop" in name for name in runner.names)
