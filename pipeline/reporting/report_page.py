"""A run's report as a page: the verdict first, then why, then what was done."""

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.reporting.figures import all_figures, telling
from pipeline.reporting.page import render
from pipeline.reporting.timeline import timeline
from pipeline.reporting.verdict import verdict

SIGNS = {"create": "+", "delete": "-", "update": "~", "replace": "±", "import": "←", "move": "→"}
LAST = 3
"""How many failed steps have their last lines shown: the steps that ran side by side when one failed."""


def report_page(run: Mapping[str, Any]) -> str:
    """Return the page, which needs no other file.

    Args:
        run: the report as run.json holds it.
    """
    failed = [step for step in run["steps"] if step["outcome"] == "failed" and step["last_lines"]]
    proofs = run["proofs"].items()
    return render(
        "report.html.j2",
        run=run,
        verdict=verdict(run),
        lede=_lede(run),
        timeline=timeline(run),
        failed=failed[-LAST:] if run["error"] else [],
        proofs=[(name, telling(proof), proof["words"], all_figures(proof)) for name, proof in proofs],
        changed=[step for step in run["steps"] if step["changed"]],
        versions=_versions(run["facts"]),
        signs=SIGNS,
    )


def _lede(run: Mapping[str, Any]) -> str:
    """Return the sentence below the verdict."""
    if run["error"]:
        return str(run["error"]["cause"].partition("\n")[0])
    if run["exit_code"] is None:
        return "This page is of the run's beginning. Open it again later; if the run is over, it was killed."
    if not run["proofs"]:
        return "The verb did its work."
    left = f" {_counted(run['not_proven'], 'thing')} this run cannot prove." if run["not_proven"] else ""
    return f"{_counted(run['proofs'], 'proof')} hold{'s' if len(run['proofs']) == 1 else ''}.{left}"


def _counted(things: Collection[object], what: str) -> str:
    return f"{len(things)} {what}{'s' if len(things) != 1 else ''}"


def _versions(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the run was made of: the commit, the versions of tools, the lock files' checksums."""
    commit = [("commit", facts.get("commit"))]
    versions = [*(facts.get("versions") or {}).items()]
    locks = [(f"{name}, SHA-256", checksum) for name, checksum in (facts.get("locks") or {}).items()]
    return [(name, str(value)) for name, value in (*commit, *versions, *locks) if value]
