"""What an operator is told of the physical backups."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipeline.backups.physical import age_problem, drill_problem, table
from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.summary import Listed, Summary

NOW = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
FULL = Listed("20261130-040000F", "full", NOW - timedelta(hours=1), 1000, 10)
KNOWN = Summary("nocodb_db", [FULL], "a point", NOW)


def test_the_span_that_a_recovery_reaches_has_its_gaps() -> None:
    assert "A recovery can go to any moment since 2026-11-30 04:00:00 UTC." in [*table(KNOWN, NOW)]
    lines = [*table(replace(KNOWN, gaps=[Gap(NOW, None)]), NOW)]
    assert "A recovery can go to any moment since 2026-11-30 04:00:00 UTC, but:" in lines
    assert "  not from about 2026-11-30 05:00:00 UTC to the next backup: WAL is missing" in lines
    [line] = [
        each for each in table(replace(KNOWN, gaps=[Gap(NOW, LATER, NOW, off=True)]), NOW) if "not" in each
    ]
    assert line.endswith(" 05:00:00 UTC to 2026-12-07 05:00:00 UTC: physical backups were off")


def test_no_drill_and_no_backup_since_they_are_on_again_are_problems() -> None:
    assert drill_problem(KNOWN, LATER) and not drill_problem(replace(KNOWN, verified_at=NOW), LATER)
    assert not drill_problem(replace(KNOWN, off_since=NOW), LATER)
    assert not drill_problem(KNOWN, NOW), "a new deployment has time for its first drill"
    assert not age_problem(KNOWN, NOW) and age_problem(replace(KNOWN, on_since=NOW), NOW)
