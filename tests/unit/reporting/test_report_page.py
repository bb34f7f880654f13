"""The report as a page: its order, and that no text of it is anything but text."""

import re
from html.parser import HTMLParser

import pytest

from pipeline.reporting.report_page import report_page
from tests.support.reports import HOSTILE, Document, clock_set_back, document, error, hostile, huge, step

WHOLE = document(
    steps=[
        step("app: apply", 0, 90, outcome="failed", exit_code=1, last_lines=["Error: no room"]),
        step("ansible: swarm.yml", 0, 20, changed={"manager": ["Install Docker"]}),
    ],
    plans=[
        {
            "name": "app: plan",
            "counts": {"create": 1},
            "changes": [],
            "resources": [{"address": "aws_vpc.this", "action": "create"}],
        }
    ],
    findings=["✗ bucket: public\n  → close it"],
    proofs={"verify": {"words": "all came back", "tables": 7}},
    not_proven=["EC2"],
    facts={"commit": "c0ffee", "locks": {"uv.lock": "0f0f"}, "versions": {"tofu": None, "python": "3.11"}},
    previous={"seconds": 80.0, "steps": [{"name": "app: apply", "seconds": 70.0}]},
    **error("app: apply: the disk is full", "free some space", last_lines=("last words",)),
)


def headings(run: Document) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", report_page(run))


def test_the_verdict_comes_first_then_what_to_do_then_what_was_proven_then_what_was_done() -> None:
    assert headings(WHOLE) == [
        "What to do",
        "What was proven",
        "Not proven here",
        "Findings",
        "Timeline",
        "Plans",
        "What Ansible changed",
        "Versions",
    ]
    page = report_page(WHOLE)
    assert page.index("<h1>") < page.index("<h2>")


def test_a_failure_is_told_with_its_fix_and_its_last_lines() -> None:
    page = report_page(WHOLE)
    for words in ("app: apply: the disk is full", "free some space", "last words", "Error: no room"):
        assert words in page


def test_a_known_action_of_a_plan_has_its_sign_and_an_unknown_one_is_to_be_looked_at() -> None:
    resources = [{"address": f"aws_vpc.{each}", "action": each} for each in ("forget", "explode")]
    plan = {"name": "app: plan", "counts": {"forget": 1}, "changes": [], "resources": resources}
    page = report_page(document(plans=[plan]))
    assert ">○ forget<" in page
    assert ">! explode<" in page


def test_the_title_says_the_verdict() -> None:
    assert "<title>✗ deploy: Not proven</title>" in report_page(WHOLE)


def test_lines_that_error_and_step_share_are_shown_once() -> None:
    steps = [step("a", 0, 1, outcome="failed", exit_code=1, last_lines=["line 1", "line 2"])]
    page = report_page(document(steps=steps, **error("no", last_lines=("line 2", "line 3"))))
    assert [page.count(word) for word in ("line 1", "line 2", "line 3")] == [1, 1, 1]


def test_an_empty_run_has_a_verdict_and_nothing_else() -> None:
    assert headings(document()) == []


def test_a_step_that_failed_in_a_run_that_ended_well_is_not_told_as_its_failure() -> None:
    run = document(steps=[step("look", 0, 1, outcome="failed", exit_code=1, last_lines=["not there"])])
    assert "not there" not in report_page(run)


def test_the_run_before_stands_beside_this_one() -> None:
    page = report_page(WHOLE)
    assert "the last good run: 1:20" in page
    assert '<th scope="col" class="number">Last good run</th>' in page
    assert '<td class="number" data-label="last good run">1:10</td>' in page


class Markup(HTMLParser):
    """Collects a page's tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str | None] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value for name, value in attrs if name in ("src", "href")}


@pytest.mark.parametrize("run", [hostile(), huge(), clock_set_back()], ids=["hostile", "huge", "clock"])
def test_no_text_becomes_markup_or_asks_for_anything(run: Document) -> None:
    page = report_page(run)
    page.encode()  # half of a pair of surrogates would have no bytes
    ours, found = Markup(report_page(WHOLE)), Markup(page)
    assert found.tags <= ours.tags
    assert found.attributes <= ours.attributes
    assert found.addresses == ours.addresses == {"data:,"}
    assert not found.tags & {"script", "iframe", "object", "embed", "base", "form", "img"}
    assert page.count("<style>") == page.count("</style>") == 1


def test_what_looks_like_a_template_stays_text() -> None:
    assert HOSTILE[2].startswith("{{")
    assert "{{ 7 * 7 }}" in report_page(hostile())


def test_the_page_forbids_everything_that_is_not_in_it() -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in report_page(document())


def test_five_thousand_tables_do_not_make_the_page_heavy() -> None:
    assert len(report_page(huge())) < 1_000_000
