"""What a page shows of a proof's figures."""

from pipeline.reporting.figures import SHOWN, all_figures, telling

VERIFIED = {
    "words": "7 tables",
    "backup": {"id": "3f2a9c1d", "bytes": 123456, "tables": 7, "rows": 5012, "seconds": 3.2},
    "comparison": {"tables": 7, "rows": 5012, "mismatches": 0, "seconds": 4.1},
}


def test_a_figure_that_two_parts_share_is_told_once_and_one_that_differs_with_its_part() -> None:
    assert telling(VERIFIED) == [
        ("tables", "7"),
        ("rows", "5&#8239;012"),
        ("tables that differ", "0"),
        ("size", "123 kB"),
        ("backup time", "3.2 s"),
        ("comparison time", "4.1 s"),
    ]


def test_a_drill_tells_how_much_would_be_lost_and_how_long_it_would_take() -> None:
    assert telling({"words": "", "rpo_seconds": 7300.0, "rto_seconds": 65.2}) == [
        ("RPO", "2 h"),
        ("RTO", "1:05"),
    ]


def test_all_figures_stand_with_their_path_in_the_report() -> None:
    figures = dict(all_figures(VERIFIED))
    assert figures["backup.id"] == "3f2a9c1d"
    assert "words" not in figures


def test_of_a_long_list_the_beginning_is_shown_and_how_much_is_left() -> None:
    shown = dict(all_figures({"words": "", "missing": [f"index {n}" for n in range(5000)], "refused": []}))
    assert len(shown["missing"].splitlines()) == SHOWN + 1
    assert shown["missing"].endswith(f"… and {5000 - SHOWN} more: run.json has them")
    assert shown["refused"] == "none"
