"""A run's report as a page: the verdict first, then why, then what was done."""

from collections.abc import Mapping
from typing import Any

from pipeline.reporting.figures import all_figures, telling
from pipeline.reporting.headline import headline
from pipeline.reporting.page import render
from pipeline.reporting.timeline import timeline

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
        headline=headline(run),
        timeline=timeline(run),
        failed=failed[-LAST:] if run["error"] else [],
        proofs=[(name, telling(proof), proof["words"], all_figures(proof)) for name, proof in proofs],
        changed=[step for step in run["steps"] if step["changed"]],
        versions=_versions(run["facts"]),
        signs=SIGNS,
    )


def _versions(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the run was made of: the commit, the nodes, the tools' versions, the locks' checksums."""
    commit = [(name, facts.get(name)) for name in ("commit", "nodes")]
    versions = [*(facts.get("versions") or {}).items()]
    locks = [(f"{name}, SHA-256", checksum) for name, checksum in (facts.get("locks") or {}).items()]
    return [(name, str(value)) for name, value in (*commit, *versions, *locks) if value]
