"""docs/faults-table.md: it is what the tests say, all of it, and no run writes it that did not prove it."""

import importlib
import inspect
from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY
from tests.support.documents import anchor, links
from tests.support.fault_page import MUTATIONS, PAGE, page, unproven
from tests.support.fault_table import TABLE

NODE = REPOSITORY / "tests/node"
SUMMARY = REPOSITORY / "docs/faults.md"
TESTS = {test for groups in TABLE.values() for test, _ in groups}


def test_the_page_is_what_the_tests_say() -> None:
    assert PAGE.read_text() == page(), "run `make test-faults`"


def test_the_summary_leads_to_every_part_of_the_page() -> None:
    parts = [f"{PAGE.name}#{anchor(heading)}" for heading in (*TABLE, "Guards", "Not covered")]
    assert [part for part in parts if part not in links(SUMMARY)] == []


@pytest.mark.parametrize(
    "file",
    [
        *sorted(NODE.rglob("test_faults_*.py")),
        *(NODE / f"long/test_{name}.py" for name in ("marks", "odd_databases", "lossy_databases")),
    ],
    ids=lambda path: str(path.relative_to(NODE)),
)
def test_every_test_of_a_fault_is_on_the_page(file: Path) -> None:
    module = importlib.import_module(".".join(file.relative_to(REPOSITORY).with_suffix("").parts))
    found = {
        test for name, test in inspect.getmembers(module, inspect.isfunction) if name.startswith("test_")
    }
    assert found and found <= TESTS


def report(directory: Path, outcome: str = "", leaving_out: str = "") -> Path:
    """What pytest would write about a run: with an outcome of the first test, or without a test."""
    names = [f"{t.__module__}.{t.__name__}" for groups in TABLE.values() for t, rows in groups for _ in rows]
    for module, mutations in MUTATIONS.items():
        names += [f"{module.__name__}.test_without_this_guard_a_test_goes_red"] * len(mutations)
    cases = []
    for name in names:
        module, _, function = name.rpartition(".")
        if function != leaving_out:
            cases.append(f'<testcase classname="{module}" name="{function}[x]">{outcome}</testcase>')
            outcome = ""
    file = directory / "report.xml"
    file.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return file


def test_a_run_in_which_all_passed_proves_the_page(tmp_path: Path) -> None:
    assert unproven(report(tmp_path)) == []


@pytest.mark.parametrize("outcome", ["<failure/>", "<error/>", "<skipped/>"])
def test_a_run_with_a_test_that_did_not_pass_proves_nothing(tmp_path: Path, outcome: str) -> None:
    assert len(unproven(report(tmp_path, outcome))) == 1


def test_a_run_that_left_a_test_out_proves_nothing(tmp_path: Path) -> None:
    left_out = "test_a_server_that_is_too_old_is_refused"
    assert unproven(report(tmp_path, leaving_out=left_out)) == [
        f"tests.node.long.test_faults_postgres.{left_out}"
    ]
