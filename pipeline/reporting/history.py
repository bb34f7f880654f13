"""The last runs and how long their steps took: a new run says from them how long it may take.

No step is ever skipped because of them.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.machine.files import write_whole

HISTORY = "history.json"
KEPT = 10
"""Runs that are kept of each verb and target."""
LIMIT = 5_000_000
"""Bytes of a file that is read; a larger one was not written here."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class PastStep:
    """A step of a run that has ended.

    Args:
        name: the step's name.
        seconds: how long it took.
        ended: seconds from the run's beginning to the step's end.
    """

    name: str
    seconds: Seconds
    ended: Seconds


@dataclass(frozen=True)
class PastRun:
    """A run that has ended.

    Args:
        verb: the verb.
        target: "aws" or "localstack".
        exit_code: 0 when it ended well.
        seconds: how long it took, without the time that a question waited for its answer.
        steps: its steps, in the order in which they ended.
    """

    verb: str
    target: str
    exit_code: int
    seconds: Seconds
    steps: list[PastStep]

    def summary(self) -> dict[str, Any]:
        """Return its times as a report holds them."""
        steps = [{"name": step.name, "seconds": step.seconds} for step in self.steps]
        return {"seconds": self.seconds, "steps": steps}


RUNS = TypeAdapter(list[PastRun])


def read_history(directory: Path) -> list[PastRun]:
    """Return the runs that are kept, the oldest first; none when the file is missing, damaged or foreign.

    Args:
        directory: the folder of the reports.
    """
    file = directory / HISTORY
    try:
        if not file.is_file() or file.stat().st_size > LIMIT:
            return []
        return RUNS.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return []


def add_to_history(directory: Path, run: PastRun) -> None:
    """Keep a run, in the place of the oldest of its verb and target; one that cannot be kept is no failure.

    Args:
        directory: the folder of the reports.
        run: the run that has ended.
    """
    runs = [*read_history(directory), run]
    dropped = _alike(runs, run.verb, run.target)[:-KEPT]
    with suppress(OSError):
        write_whole(directory / HISTORY, RUNS.dump_json([each for each in runs if each not in dropped]))


def find_good(runs: Iterable[PastRun], verb: str, target: str) -> list[PastRun]:
    """Return the runs of a verb and target that ended well, the oldest first."""
    return [run for run in _alike(runs, verb, target) if run.exit_code == 0]


def _alike(runs: Iterable[PastRun], verb: str, target: str) -> Sequence[PastRun]:
    return [run for run in runs if (run.verb, run.target) == (verb, target)]
