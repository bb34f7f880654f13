"""What a run did and what it proved, as JSON: there from its first second, also when the run failed."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import PipelineError
from pipeline.machine.files import write_whole
from pipeline.reporting.junit import junit
from pipeline.reporting.report_page import report_page
from pipeline.steps.output import changed_tasks, last_lines
from pipeline.steps.step import Result, Step

RUN, JUNIT, PAGE = "run.json", "junit.xml", "index.html"

PLAYBOOK = "ansible-playbook"
INTERRUPTED = "interrupted"
NOTHING: Mapping[str, Any] = {"last_lines": [], "changed": {}}
LAST_LINES = 20
"""Lines kept of a failed step's output."""


class PlannedChange(Protocol):
    """A resource's change in a plan; as a string it is the change in words."""

    @property
    def address(self) -> str:
        """The resource's address."""

    @property
    def action(self) -> str:
        """What would be done, such as "create"."""


def now() -> str:
    """Return the time in UTC as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Report:
    """Collects what a run did.

    Args:
        verb: the verb that runs.
        target: "aws" or "localstack".
        facts: commit, lock hashes, tool versions.
        previous: the last good run of this verb and target that went like this one: its seconds, and its
            steps, each with name and seconds; None when there was none.
    """

    verb: str
    target: str
    facts: dict[str, Any] = field(default_factory=dict)
    started: str = field(default_factory=now)
    steps: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_proven: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None

    def record_result(self, result: Result, started: str) -> None:
        """Note a step's result: of a failure its last lines, of a playbook what it changed."""
        step = result.step
        shown = result.failed and not (step.must_fail or step.private)
        self._record(
            step,
            started,
            exit_code=result.exit_code,
            outcome=_outcome(result),
            summary=result.outcome if step.must_fail else result.summary,
            last_lines=last_lines(step.stream, result.stdout, result.stderr, LAST_LINES) if shown else [],
            changed=changed_tasks(result.stdout) if PLAYBOOK in step.command[:1] else {},
        )

    def record_interruption(self, step: Step, started: str) -> None:
        """Note a step that was asked to end."""
        self._record(step, started, exit_code=None, outcome=INTERRUPTED, summary=INTERRUPTED, **NOTHING)

    def _record(self, step: Step, started: str, **outcome: Any) -> None:
        ended = now()
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
        times = {"started": started, "ended": ended, "seconds": seconds}
        self.steps.append({"name": step.name, "command": list(step.command), **times, **outcome})

    def record_plan(self, name: str, counts: Mapping[str, int], changes: Iterable[PlannedChange]) -> None:
        """Note what a plan would do: how many resources by action, and each resource with its action."""
        listed = list(changes)
        resources = [{"address": each.address, "action": each.action} for each in listed]
        self.plans.append(
            {"name": name, "counts": dict(counts), "changes": list(map(str, listed)), "resources": resources}
        )

    def prove(self, name: str, words: str, **figures: Any) -> None:
        """Note what was proven: in words, with its figures."""
        self.proofs[name] = {"words": words, **figures}

    def record_failure(self, error: PipelineError) -> None:
        """Note the error that ended the run."""
        whole = {"exit_code": error.exit_code, "kind": type(error).__name__, "what": str(error)}
        self.error = {**whole, "cause": error.what, "fix": error.fix, "last_lines": error.tail.splitlines()}

    def lines(self, answers: Sequence[str] = ()) -> list[str]:
        """Return what was found, what was proven and what was not, in words.

        Args:
            answers: what a verb says instead, such as JSON.
        """
        proven = [f"✓ {about}: {proof['words']}" for about, proof in self.proofs.items()]
        not_proven = [f"- not proven here: {text}" for text in self.not_proven]
        return list(answers) or [*self.findings, *proven, *not_proven]

    def document(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {**vars(self), "ended": now(), "exit_code": self.error["exit_code"] if self.error else 0}

    def files(self) -> dict[str, str]:
        """Return the texts of its files, by file name."""
        return dict(self.each_file())

    def each_file(self) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of its files: first run.json, which has everything."""
        document = self.document()
        yield RUN, as_json(document)
        yield JUNIT, junit(document)
        yield PAGE, report_page(document)

    def begin(self, directory: Path) -> None:
        """Put a run that goes on in the place of the last one's report: this one may be killed.

        Its exit code and its end are null until `write` says them; there are no results for CI systems yet.
        """
        running = self.document() | {"ended": None, "exit_code": None}
        (directory / JUNIT).unlink(missing_ok=True)
        write_whole(directory / PAGE, report_page(running))
        write_whole(directory / RUN, as_json(running))

    def write(self, directory: Path) -> None:
        """Write its files, each whole or not at all."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.each_file():
            write_whole(directory / name, text)


def as_json(document: Mapping[str, Any]) -> str:
    """Return a report as run.json holds it."""
    return json.dumps(document, indent=2) + "\n"


def _outcome(result: Result) -> str:
    """Return "done", "failed", or "refused" where a refusal is what the step is run for."""
    if result.step.must_fail and result.failed:
        return "refused"
    return "failed" if result.failed or result.step.must_fail else "done"
