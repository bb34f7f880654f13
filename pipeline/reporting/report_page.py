"""A run's report as a page: the verdict first, then why, then what was done."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.reporting.figures import all_figures, telling
from pipeline.reporting.headline import Run, headline
from pipeline.reporting.page import render
from pipeline.reporting.timeline import timeline

SIGNS = {
    "create": "+",
    "delete": "-",
    "update": "~",
    "replace": "±",
    "import": "←",
    "move": "→",
    "forget": "○",
}
LAST = 3
"""How many failed steps have their last lines shown: the steps that ran side by side when one failed."""


def report_page(run: Run) -> str:
    """Return the page, which needs no other file.

    Args:
        run: the report as run.json holds it.
    """
    failed = _failed(run)
    proofs = run["proofs"].items()
    return render(
        "report.html.j2",
        run=run,
        headline=headline(run),
        timeline=timeline(run),
        failed=failed,
        said=_said(run, failed),
        proofs=[(name, telling(proof), proof["words"], all_figures(proof)) for name, proof in proofs],
        changed=[step for step in run["steps"] if step["changed"]],
        versions=_versions(run["facts"]),
        signs=SIGNS,
    )


def _failed(run: Run) -> list[Mapping[str, Any]]:
    """Return the failed steps of a failed run; a step may fail in a run that ends well, if it only asks."""
    told = [step for step in run["steps"] if step["outcome"] == "failed" and step["last_lines"]]
    return told[-LAST:] if run["error"] else []


def _said(run: Run, failed: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the last lines of the error that the failed steps do not show."""
    shown = {line.strip() for step in failed for line in step["last_lines"]}
    lines = run["error"]["last_lines"] if run["error"] else []
    return [line for line in lines if line.strip() not in shown]


def _versions(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the run was made of: the commit, the nodes, the tools' versions, the locks' checksums."""
    commit = [(name, facts.get(name)) for name in ("commit", "nodes")]
    versions = [*(facts.get("versions") or {}).items()]
    locks = [(f"{name}, SHA-256", checksum) for name, checksum in (facts.get("locks") or {}).items()]
    return [(name, str(value)) for name, value in (*commit, *versions, *locks) if value]
