"""What pgBackRest says about its repository."""

import json
from typing import Any

import pytest

from quickdata_node.physical.info import NO_STANZA, read_info
from quickdata_node.run import Failed

FULL, INCREMENTAL = "20261130-050026F", "20261130-050026F_20261130-050033I"


def backup(label: str, kind: str, start: int) -> dict[str, Any]:
    return {
        "archive": {"start": "000000010000000000000002", "stop": "000000010000000000000002"},
        "database": {"id": 1, "repo-key": 1},
        "error": False,
        "info": {"size": 31525926, "delta": 31525926, "repository": {"delta": 4015713}},
        "label": label,
        "lsn": {"start": "0/2000028", "stop": "0/2000120"},
        "timestamp": {"start": start, "stop": start + 2},
        "type": kind,
    }


def stanza(code: int = 0, message: str = "ok", **more: Any) -> str:
    status = {"code": code, "message": message}
    database = [{"id": 1, "system-id": 7, "version": "18"}]
    known = {"archive": [], "backup": [], "db": database, "name": "quickdata", "status": status}
    return json.dumps([{**known, "repo": [{"key": 1, "status": status}], **more}])


def test_backups_come_with_their_times_places_and_sizes() -> None:
    archive = [{"database": {"id": 1}, "id": "18-1", "min": "000000010000000000000002", "max": None}]
    database = [{"id": 1, "system-id": 7600000000000000001, "version": "18"}]
    backups = [backup(FULL, "full", 1796014826), backup(INCREMENTAL, "incr", 1796014833)]
    info = read_info(stanza(archive=archive, db=database, backup=backups))
    assert [each.label for each in info.backups] == [FULL, INCREMENTAL]
    assert info.newest_full == info.backups[0]
    assert info.backups[0].finished_at.isoformat() == "2026-11-30T05:00:28+00:00"
    assert (info.backups[1].first_lsn, info.backups[1].stored_bytes) == ("0/2000028", 4015713)
    assert info.archives[0].first_wal == "000000010000000000000002"
    assert (info.archives[0].last_wal, info.system_id) == ("", 7600000000000000001)


def test_only_the_backups_and_the_wal_of_the_repositorys_cluster_count() -> None:
    ours, foreign = {"id": 2, "system-id": 8, "version": "18"}, {"id": 1, "system-id": 7, "version": "18"}
    old, new = backup(FULL, "full", 1), {**backup("20261201-050026F", "full", 2), "database": {"id": 2}}
    archive = [{"database": {"id": n}, "id": f"18-{n}", "min": None, "max": None} for n in (1, 2)]
    info = read_info(stanza(archive=archive, db=[foreign, ours], backup=[old, new]))
    assert [each.label for each in info.backups] == ["20261201-050026F"]
    assert [each.label for each in info.others] == [FULL]
    assert [each.folder for each in info.archives] == ["18-2"]
    again = read_info(stanza(archive=archive, db=[ours, foreign, {**ours, "id": 3}], backup=[old, new]))
    assert [each.label for each in again.backups] == ["20261201-050026F"], "our cluster, twice"


def test_a_damaged_backup_is_not_a_good_one() -> None:
    info = read_info(stanza(backup=[backup(FULL, "full", 1), {**backup("x", "full", 2), "error": True}]))
    assert [each.damaged for each in info.backups] == [False, True]
    assert info.good == info.backups[:1]


@pytest.mark.parametrize("code", NO_STANZA)
def test_a_missing_stanza_is_no_failure(code: int) -> None:
    assert read_info(stanza(code, "missing stanza path")).status == code
    assert read_info("[]").status in NO_STANZA


def test_a_repository_that_cannot_be_read_is_never_taken_for_an_empty_one() -> None:
    with pytest.raises(Failed, match="cannot read the repository: \\[UnknownError\\] cat ended; check the"):
        read_info(stanza(99, "[UnknownError] cat\n ended"))


@pytest.mark.parametrize("text", ["", "{}", "[{}]", "[1]", '{"a": 1}', stanza(backup=[{}])])
def test_an_answer_of_another_form_is_told(text: str) -> None:
    with pytest.raises(Failed, match=r"info cannot be understood|cannot read the repository"):
        assert read_info(text).status is None
