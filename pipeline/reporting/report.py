"""What a run did and what it proved, as JSON: there from its first second, also when the run failed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.machine.files import write_whole
from pipeline.reporting.junit import junit
from pipeline.steps.step import Result, Step

RUN, JUNIT = "run.json", "junit.xml"


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
        previous: the last run of this verb and target that ended well: its seconds, and its steps, each with
            name and seconds; None when there was none.
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
        """Note a step's result."""
        summary = result.outcome if result.step.must_fail else result.summary
        self._record(result.step, started, result.exit_code, summary)

    def record_interruption(self, step: Step, started: str) -> None:
        """Note a step that was asked to end."""
        self._record(step, started, None, "interrupted")

    def _record(self, step: Step, started: str, exit_code: int | None, summary: str) -> None:
        ended = now()
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
        times = {"started": started, "ended": ended, "seconds": seconds}
        outcome = {"exit_code": exit_code, "summary": summary}
        self.steps.append({"name": step.name, "command": list(step.command), **times, **outcome})

    def record_plan(self, name: str, counts: Mapping[str, int], changes: Iterable[object]) -> None:
        """Note what a plan would do: how many resources by action, and each change in words."""
        self.plans.append({"name": name, "counts": dict(counts), "changes": list(map(str, changes))})

    def prove(self, name: str, words: str, **figures: Any) -> None:
        """Note what was proven: in words, with its figures."""
        self.proofs[name] = {"words": words, **figures}

    def record_failure(self, error: PipelineError) -> None:
        """Note the error that ended the run."""
        self.error = {"exit_code": error.exit_code, "kind": type(error).__name__, "what": str(error)}

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
        """Return what is written of it, by file name: run.json, and junit.xml for CI systems."""
        document = self.document()
        return {RUN: json.dumps(document, indent=2) + "\n", JUNIT: junit(document)}

    def begin(self, directory: Path) -> None:
        """Put a run that goes on in the place of the last one's report: this one may be killed.

        Its exit code and its end are null until `write` says them; there are no results for CI systems yet.
        """
        running = self.document() | {"ended": None, "exit_code": None}
        (directory / JUNIT).unlink(missing_ok=True)
        write_whole(directory / RUN, json.dumps(running, indent=2) + "\n")

    def write(self, directory: Path) -> None:
        """Write its files, each whole or not at all."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.files().items():
            write_whole(directory / name, text)
