"""The summary of the physical backups."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.info import READY, Info, PhysicalBackup
from quickdata_node.physical.summary import BadSummary, Listed, Summary, read_summary, summarize

WHEN = datetime(2026, 11, 30, 5, 0, 28, tzinfo=UTC)
FULL = Listed("20261130-050026F", "full", WHEN, 31525926, 4015713)
INCREMENTAL = Listed("20261130-050026F_20261130-050033I", "incr", WHEN, 31525926, 33357)
SUMMARY = Summary("app", [FULL, INCREMENTAL], "quickdata_20261130T050029Z_9ff35af2", WHEN)


def changed(**values: Any) -> bytes:
    return json.dumps({**json.loads(SUMMARY.text()), **values}).encode()


def listed(**values: Any) -> bytes:
    return changed(backups=[{**json.loads(SUMMARY.text())["backups"][0], **values}])


def test_a_summary_comes_back_as_it_was_written() -> None:
    assert read_summary(SUMMARY.text().encode(), "app") == SUMMARY
    assert (SUMMARY.newest, SUMMARY.newest_full) == (INCREMENTAL, FULL)
    for name in ("off_since", "on_since", "verified_at"):
        changed_one = replace(SUMMARY, verified="a point", **{name: WHEN})
        assert read_summary(changed_one.text().encode(), "app") == changed_one
    found = Gap(WHEN, WHEN, WHEN, first_wal="000000010000000000000004", last_wal="000000010000000000000005")
    gaps = replace(SUMMARY, gaps=[Gap(WHEN, None), found, replace(found, off=True)])
    assert read_summary(gaps.text().encode(), "app") == gaps
    earlier = {"since": WHEN.isoformat(), "until": None}
    assert read_summary(changed(gaps=[earlier]), "app").gaps == [Gap(WHEN, None)], "an earlier program's"
    assert read_summary(changed(off_since=None), "app") == SUMMARY
    unproven = Summary("app", [FULL])
    assert read_summary(unproven.text().encode(), "app") == unproven


def test_a_damaged_backup_is_listed_and_does_not_count_as_the_newest() -> None:
    damaged = replace(INCREMENTAL, damaged=True)
    known = read_summary(Summary("app", [FULL, damaged, replace(FULL, damaged=True)]).text().encode(), "app")
    assert known.backups[1] == damaged
    assert (known.newest, known.newest_full) == (FULL, FULL)


def test_a_summary_that_does_not_say_what_is_damaged_is_read() -> None:
    each = json.loads(SUMMARY.text())["backups"][0]
    del each["damaged"]
    assert read_summary(changed(backups=[each]), "app").backups == [FULL]


BACKUP = PhysicalBackup("20261130-050026F", "full", WHEN, WHEN, "0/1", "0/2", "1", "2", 1, 1, 1, False)


def test_the_drill_is_remembered_and_a_backup_is_due_until_the_gaps_before_a_good_one_are_listed() -> None:
    gap = Gap(WHEN, None, WHEN)
    before = replace(SUMMARY, on_since=WHEN, verified="a point", verified_at=WHEN, gaps=[gap])
    good, damaged = Info(READY, "ok", (BACKUP,)), Info(READY, "ok", (BACKUP, replace(BACKUP, damaged=True)))
    cases: list[tuple[Info, list[Gap] | None, datetime | None, list[Gap]]] = [
        (good, [], None, []),
        (good, None, WHEN, [gap]),
        (damaged, None, WHEN, [gap]),
    ]
    for info, looked_for, due, gaps in cases:
        found = summarize("app", info, None, before, looked_for)
        assert (found.on_since, found.verified, found.verified_at) == (due, "a point", WHEN)
        assert found.gaps == gaps


def test_only_a_summary_with_backups_knows_that_they_were_off() -> None:
    assert replace(SUMMARY, on_since=WHEN).on_again_since == WHEN
    assert Summary("app", [], on_since=WHEN).on_again_since is None, "a new one, because the old one was lost"


def test_a_gap_is_new_until_a_full_backup_was_taken_since_it_was_found() -> None:
    hour = timedelta(hours=1)
    gap = Gap(WHEN - 9 * hour, WHEN - 8 * hour, WHEN)
    incremental = replace(INCREMENTAL, finished_at=WHEN + hour)
    known = replace(SUMMARY, backups=[FULL, incremental], gaps=[gap])
    assert known.new_gaps == [gap], "the full one found it, or was taken before"
    full = replace(FULL, label="20261130-060026F", finished_at=WHEN + hour)
    assert replace(known, backups=[FULL, incremental, full]).new_gaps == []
    assert replace(known, backups=[FULL, replace(full, damaged=True)]).new_gaps == [gap]
    assert replace(known, gaps=[replace(gap, off=True), replace(gap, found_at=None)]).new_gaps == []


def test_the_drill_of_another_cluster_proves_nothing() -> None:
    before = replace(SUMMARY, verified="a point", verified_at=WHEN)
    ours = Info(READY, "ok", (replace(BACKUP, label="20261201-050026F"),))
    assert summarize("app", ours, None, before).verified_at is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "cannot be understood"),
        (changed(format=2), "another format"),
        (changed(database="other"), "belongs to another database"),
        (changed(point="\x1b[31m"), "a name that is not valid"),
        (changed(proven_at="soon"), "cannot be understood"),
        (changed(off_since="soon"), "cannot be understood"),
        (changed(verified=7), "a name that is not valid"),
        (changed(gaps=[{"since": "soon", "until": None}]), "cannot be understood"),
        (changed(gaps=[1]), "cannot be understood"),
        (changed(gaps=[{"since": WHEN.isoformat(), "until": None, "off": 1}]), "values that are not valid"),
        (changed(gaps=[{"since": WHEN.isoformat(), "until": None, "last_wal": 1}]), "a name that is not"),
        (changed(verified_at="soon"), "cannot be understood"),
        (changed(backups={}), None),
        (changed(backups=[1]), "cannot be understood"),
        (listed(label=7), "a name that is not valid"),
        (listed(damaged="no"), "values that are not valid"),
        (listed(kind="copy"), "values that are not valid"),
        (listed(stored_bytes=True), "values that are not valid"),
        (listed(database_bytes=-1), "values that are not valid"),
    ],
)
def test_a_text_that_is_not_a_summary_of_this_database_is_refused(text: bytes, why: str | None) -> None:
    if why is None:
        assert read_summary(text, "app").newest is None
        return
    with pytest.raises(BadSummary, match=why):
        read_summary(text, "app")
