"""The page of the catalogue: the verdict first, every backup on it, and nothing that a value could do."""

import re
from html import unescape

import pytest

from pipeline.backups.catalogue import Backup
from pipeline.backups.catalogue_page import catalogue_page
from quickdata_node.physical.summary import Summary
from tests.support.catalogues import CATALOGUES, HOSTILE, INVISIBLE, NOW, backup, nightly, physical

TAG = re.compile(r"<style>.*?</style>|<[^>]+>", re.DOTALL)


def page(listed: list[Backup], database: str = "nocodb_db", known: Summary | None = None) -> str:
    return catalogue_page(listed, known, database, "bucket", NOW)


def words(html: str) -> str:
    return " ".join(unescape(TAG.sub(" ", html)).split())


@pytest.mark.parametrize("name", CATALOGUES)
def test_the_verdict_comes_first_and_every_backup_is_in_the_table(name: str) -> None:
    listed = CATALOGUES[name]
    html = page(listed)
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", html)
    assert len(re.findall("<h1>", html)) == 1
    assert ("✓" in headings[0]) == (name == "good")
    assert re.findall(r'class="id">([0-9a-f]{8})<', html) == [each.id for each in listed]


def test_good_backups_say_their_age_their_proof_and_that_nothing_is_missing() -> None:
    said = words(page(nightly()))
    assert "✓ The backups are good The newest backup is 22 h old" in said
    assert "backup 00000002 was restored and compared 46 h ago" in said
    assert "Gaps none" in said


def test_gaps_are_told_in_words_with_what_to_do() -> None:
    said = words(page(CATALOGUES["with gaps"]))
    missing = "in the week of 9 November 2026, on 26 November 2026, on 29 November 2026."
    assert f"✗ Backups are missing No backup {missing}" in said
    assert "What to do: see /var/log/quickdata/backup.log" in said
    assert "9 Nov ✗ gap" in said and "26 ✗ gap" in said


def test_the_retention_of_the_node_is_told_and_leaves_no_false_gap() -> None:
    said = words(page(nightly(daily=3, weekly=1)))
    assert "a day for the last 3 days with a backup, and one a week for 1 week" in said
    assert "Gaps none" in said


def test_good_physical_backups_are_listed_newest_first_with_what_a_recovery_reaches() -> None:
    said = words(page(nightly(), known=physical(1, 2)))
    assert "✓ The backups are good" in said
    assert "moment since 28 November 2026, 04:17 UTC. Last proof point: 29 November 2026, 04:17 UTC." in said
    assert "Last drill: 29 November 2026, 04:17 UTC." in said
    assert said.index("20261128-041702F_20261129-041702I incr") < said.index("20261128-041702F full")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (physical(1, 2, damaged=(1,)), "✗ The newest physical backup is damaged"),
        (physical(3), "✗ A physical backup is missing or too old"),
    ],
)
def test_bad_physical_backups_are_never_called_good(known: Summary, told: str) -> None:
    said = words(page(nightly(), known=known))
    assert told in said and "The backups are good" not in said
    assert ("✗ damaged" in said) == known.backups[-1].damaged


def test_physical_backups_that_are_off_are_said_to_be_so_and_are_no_problem() -> None:
    said = words(page(nightly(), known=physical(9, off=NOW)))
    assert "✓ The backups are good" in said
    assert "They have been off since 30 November 2026, 00:21 UTC" in said


def test_no_value_becomes_markup_and_no_invisible_character_stays() -> None:
    html = page(CATALOGUES["hostile"], "<i>name</i>")
    assert "<script" not in html and "<i>name" not in html
    assert not set(INVISIBLE) & set(html)
    assert words(html).count(HOSTILE.replace(INVISIBLE, r"\u202e\u200b")) == 2


def test_a_time_to_come_is_called_that() -> None:
    said = words(page([backup(-4000), *nightly()]))
    assert "✗ The time of the newest backup is wrong" in said
    assert "Newest backup in the future" in said


def test_an_empty_catalogue_says_what_to_do() -> None:
    said = words(page([]))
    assert "✗ There is no backup" in said and "quickdata backup takes one" in said
    assert "Calendar" not in said and "Size" not in said
