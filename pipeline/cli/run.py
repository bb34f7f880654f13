"""One run of a verb: interrupts end it in good order, its report is written whatever happens."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import anyio

from pipeline.errors import Interrupted
from pipeline.machine.leftovers import in_use
from pipeline.machine.room import Need, require_room
from pipeline.machine.scratch import remove_dead
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.versions import facts
from pipeline.steps.explanation import explained
from pipeline.steps.failures import with_fix
from pipeline.tofu.binary import find_tofu

REPORT_BYTES = 1_000_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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
    progress, report = Progress(verbose), Report(name, target, facts(find_tofu()))
    with _place(reports.parent, progress):
        _begin(report, reports)
        try:
            with progress.shown():
                anyio.run(partial(_interruptible, verb, progress, report))
        except BaseException as error:
            told = explained(error, os.environ)
            report.record_failure(told)
            raise told from None
        finally:
            _write(report, reports, progress)
    return report


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
    """Write the report; that it cannot be written must not hide what the run came to."""
    try:
        report.write(directory)
    except OSError as error:
        progress.note(f"the report could not be written: {error}")


async def _interruptible(verb: Work, progress: Progress, report: Report) -> None:
    caught: list[signal.Signals] = []
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                group.start_soon(_watch, signals, scope, progress, caught)
                await verb(progress, report)
            group.cancel_scope.cancel()
    if caught:
        what = f"interrupted by {caught[0].name}: everything that was running has ended in good order"
        raise Interrupted(what, "run the same command again; a deployment goes on from what is there")


async def _watch(
    signals: AsyncIterator[signal.Signals],
    scope: anyio.CancelScope,
    progress: Progress,
    caught: list[signal.Signals],
) -> None:
    """Cancel the verb at the first signal; a second one must not cut off a tool that saves its state."""
    async for number in signals:
        progress.note(f"{number.name}: the tools are asked to end and to save their state; please wait")
        caught.append(number)
        scope.cancel()
