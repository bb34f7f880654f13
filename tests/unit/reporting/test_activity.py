"""Work of the pipeline itself is shown and recorded like a step."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from pipeline.errors import ToolError
from pipeline.reporting.activity import Act, Shown, activity
from pipeline.reporting.history import PastRun, PastStep
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.timeline import timeline
from pipeline.reporting.usual import Usual


class Watched:
    """A run's progress and report, with a past run that had the same activity."""

    def __init__(self) -> None:
        past = PastRun("rehearse", "localstack", 0, 100.0, [PastStep("nodes: removal", 60.0, 90.0)])
        self.progress, self.report = Progress(usual=Usual([past])), Report("rehearse", "localstack")
        self.act: Act = partial(activity, self.progress, self.report)

    @property
    def outcomes(self) -> list[tuple[str, str, str]]:
        return [(step["name"], step["outcome"], step["summary"]) for step in self.report.steps]


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    assert watched.progress.state.running == {}


def test_an_activity_runs_with_its_usual_time_and_counts_as_a_step(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    state = watched.progress.state
    with watched.act("nodes: removal"):
        assert state.usual.step(state.running["nodes: removal"].nth) == 60
        assert state.status()[0] == "step 1 of about 1"
    assert capsys.readouterr().err.startswith("✓ nodes: removal ")
    assert [step.name for step in state.ended] == ["nodes: removal"]
    assert [bar.name for bar in timeline(watched.report.document()).bars] == ["nodes: removal"]
    assert watched.report.steps[0]["command"] == []


def test_an_activity_that_fails_says_why(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ToolError), watched.act("manager: start"):
        raise ToolError("Docker does not start in a node", "do without", "no cgroups")
    assert watched.outcomes == [("manager: start", "failed", "Docker does not start in a node")]
    assert watched.report.steps[0]["last_lines"][-1] == "  | no cgroups"
    assert "✗ manager: start" in capsys.readouterr().err


async def test_an_interrupted_activity_is_one(watched: Watched) -> None:
    with anyio.CancelScope() as scope, watched.act("manager: start"):
        scope.cancel()
        await anyio.sleep_forever()
    assert watched.outcomes == [("manager: start", "interrupted", "interrupted")]


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    try:
        yield "address"
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("end", ["well", "failed", "interrupted"])
async def test_a_servers_start_and_stop_are_shown_however_its_block_ends(watched: Watched, end: str) -> None:
    with anyio.CancelScope() as scope:
        try:
            async with Shown(watched.act, "LocalStack", server()) as address:
                assert address == "address"
                if end == "failed":
                    raise ToolError("app: apply failed", "run again")
                if end == "interrupted":
                    scope.cancel()
                    await anyio.sleep_forever()
        except ToolError:
            assert end == "failed"
    assert watched.outcomes == [("LocalStack: start", "done", ""), ("LocalStack: stop", "done", "")]
