"""One run of a verb: interrupts end it in good order, its report is written whatever happens."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from math import ceil
from pathlib import Path

import anyio

from pipeline.errors import Interrupted
from pipeline.machine.leftovers import in_use
from pipeline.machine.room import Need, require_room
from pipeline.machine.scratch import remove_dead
from pipeline.rehearsal.docker_nodes import REMOVAL_LIMIT as NODES_LIMIT
from pipeline.reporting.history import PastRun, add_to_history, find_good, read_history
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.run_state import MINUTE
from pipeline.reporting.usual import Usual
from pipeline.reporting.versions import facts
from pipeline.runners.host import ENDING_LIMIT
from pipeline.servers.image import REMOVAL_LIMIT as CONTAINER_LIMIT
from pipeline.servers.process import STOP_LIMIT
from pipeline.steps.explanation import explained
from pipeline.steps.failures import with_fix
from pipeline.tofu.binary import find_tofu

REPORT_BYTES = 1_000_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SERVERS = 3
"""The most servers of a run: LocalStack, the database of local nodes, and the server of a drill."""
REMOVAL_LIMIT = SERVERS * 2 * STOP_LIMIT + CONTAINER_LIMIT + NODES_LIMIT
"""Seconds at most to remove the servers of a run, in turn. A server gets two signals to stop."""

Work = Callable[[Progress, Report], Awaitable[None]]


def run(verb: Work, name: str, target: str, reports: Path, verbose: bool = False) -> Report:
    """Run a verb to its end.

    Args:
        verb: what to do.
        name: the verb's name.
        target: "aws" or "localstack".
        reports: the checkout's directory for `run.json` and what CI systems read.
        verbose: show the tools' own output.

    Returns:
        The report, which is also written.

    Raises:
        PipelineError: the verb failed, was interrupted, or has a defect; the report says so too.
    """
    usual = Usual(find_good(read_history(reports), name, target))
    progress, report = Progress(verbose, usual=usual), Report(name, target, facts(find_tofu()))
    with _place(reports.parent, progress), ExitStack() as at_last:
        _begin(report, reports)
        try:
            with progress.shown():
                anyio.run(partial(_interruptible, verb, progress, report, at_last))
        except BaseException as error:
            told = explained(error, os.environ)
            report.record_failure(told)
            raise told from None
        finally:
            _write(report, reports, progress)
    return report


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore a Ctrl-C until the report is written: what the verb did is over, and can only be told."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _place(checkout: Path, progress: Progress) -> Iterator[None]:
    """Hold the checkout for the length of the run, without what killed runs left in it and in TMPDIR."""
    with ExitStack() as at_last:
        try:
            gone = [*remove_dead(), *at_last.enter_context(in_use(checkout))]
        except OSError as error:
            raise with_fix(error) from None
        for path in gone:
            progress.note(f"removed {path}, which a killed run had left")
        yield


def _begin(report: Report, directory: Path) -> None:
    """Write that the run goes on: a report that cannot be written is found out before anything is done."""
    try:
        require_room([Need(directory, REPORT_BYTES, "for the report")])
        directory.mkdir(parents=True, exist_ok=True)
        report.begin(directory)
    except OSError as error:
        raise with_fix(error) from None


def _write(report: Report, directory: Path, progress: Progress) -> None:
    """Write the report. An error here, even a defect of the page, must not hide the run's own result."""
    state = progress.state
    report.previous = before.summary() if (before := state.last_alike()) else None
    try:
        report.write(directory)
    except Exception as error:
        state.unwritten = f"The report could not be written: {explained(error, os.environ)}"
    code = report.document()["exit_code"]
    add_to_history(directory, PastRun(report.verb, report.target, code, state.seconds, state.ended))


async def _interruptible(verb: Work, progress: Progress, report: Report, at_last: ExitStack) -> None:
    caught: list[str] = []
    try:
        with anyio.open_signal_receiver(*SIGNALS) as signals:
            async with anyio.create_task_group() as group:
                with anyio.CancelScope() as scope:
                    group.start_soon(_watch, signals, scope, progress, caught)
                    await verb(progress, report)
                group.cancel_scope.cancel()
    finally:
        at_last.enter_context(_undisturbed())
    if caught:
        raise Interrupted(caught[0], "run the same command again; deploy continues where it stopped")


async def _watch(
    signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope, progress: Progress, caught: list[str]
) -> None:
    """Cancel the verb at the first signal; a second one must not cut off a tool that saves its state."""
    async for number in signals:
        question = progress.state.question
        progress.note("" if question else _ending(number, list(progress.state.running), again=bool(caught)))
        done = f" at a question: {question}" if question else ": everything that ran has ended in good order"
        caught.append(f"interrupted by {number.name}{done}")
        progress.state.begin_ending()
        scope.cancel()


def _ending(number: signal.Signals, steps: Sequence[str], again: bool) -> str:
    """Return what a user reads after Ctrl-C: what is being finished, and how long that may take."""
    name = "Ctrl-C" if number is signal.SIGINT else number.name
    first = f"{name}{' again' if again else ''}: the run is{' already' if again else ''} ending. Please wait."
    removal = f"removed: at most {ceil(REMOVAL_LIMIT / MINUTE)} minutes."
    if not steps:
        return f"{first}\n  No step is running. Temporary files and servers of this run are being {removal}"
    return (
        f"{first}\n  Being finished: {', '.join(steps)}.\n"
        f"  Most steps need seconds, at most {ceil(ENDING_LIMIT / MINUTE)} minutes; nothing is cut off.\n"
        f"  Then temporary files and servers of this run are {removal}"
    )
