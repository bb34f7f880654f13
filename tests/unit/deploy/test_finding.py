"""A finding: the same on a terminal and in JSON, whichever verb looked."""

import pytest

from pipeline.deploy.check import require_good
from pipeline.deploy.finding import Finding
from pipeline.errors import RegionDiffers, SettingsError

GOOD = Finding("bucket", ("is there", "and yours"), {"exists": True})
TOLD = Finding("nodes", ("one is stopped", "db: stopped"), fix="start it")
FAILED = Finding("vault", ("failed",), fix="look", tail="line 1\nline 2", kind=SettingsError)


@pytest.mark.parametrize(
    ("finding", "shown"),
    [
        (GOOD, "✓ bucket: is there\n  and yours"),
        (TOLD, "✗ nodes: one is stopped\n  db: stopped\n  → start it"),
        (FAILED, "✗ vault: failed\n  → look\n  | line 1\n  | line 2"),
    ],
)
def test_a_terminal_shows_mark_words_remedy_and_last_lines(finding: Finding, shown: str) -> None:
    assert str(finding) == shown


def test_json_holds_what_status_always_told() -> None:
    told = {"about": "nodes", "lines": ("one is stopped", "db: stopped"), "facts": None, "fix": "start it"}
    assert list(TOLD.document().items()) == [*told.items(), ("well", False)]
    assert GOOD.document()["well"] is True


def test_an_error_without_a_remedy_is_not_well() -> None:
    assert not Finding("vault", ("failed",), kind=SettingsError).well


@pytest.mark.parametrize(("shown", "told"), [(False, "given region is eu-west-3"), (True, "failed checks: ")])
def test_a_bucket_in_another_region_ends_a_check_in_its_own_words(shown: bool, told: str) -> None:
    error = RegionDiffers.between("the bucket x", "eu-west-1", "eu-west-3")
    bad = Finding("bucket", (error.what,), fix=error.fix, kind=RegionDiffers)
    with pytest.raises(RegionDiffers) as caught:
        require_good([bad, Finding("states", ("not there",), fix="look", kind=RegionDiffers)], shown)
    assert caught.value.exit_code == 3
    assert ("failed checks: bucket, states" if shown else "2 checks failed") in caught.value.what
    with pytest.raises(RegionDiffers, match=told):
        require_good([bad], shown)
