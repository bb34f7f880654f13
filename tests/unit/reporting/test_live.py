"""What is drawn on a terminal, which may have any size."""

import io

import pytest
from rich.console import Console

from pipeline.reporting.history import PastRun, PastStep
from pipeline.reporting.live import LiveArea, live_lines
from pipeline.reporting.run_state import RunState
from pipeline.reporting.usual import Usual

STEPS = ("storage: apply", "ansible: nocodb.yml", "ansible: backup.yml", "app: plan", "verify")


@pytest.fixture
def state() -> RunState:
    steps = [PastStep(name, 57.0, 57.0 + number) for number, name in enumerate(STEPS)]
    state = RunState(Usual([PastRun("deploy", "aws", 0, 200.0, steps)]))
    for name in STEPS:
        state.begin(name)
    state.running["storage: apply"].activity = "3 done, now aws_s3_bucket_lifecycle_configuration.backups"
    return state


def drawn(state: RunState, width: int, height: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    size = {"width": width, "height": height}
    console = Console(file=file, force_terminal=True, no_color=True, soft_wrap=True, **size)
    with console.capture() as capture:
        console.print(LiveArea(state))
    return capture.get().replace("\x1b[2m", "").replace("\x1b[0m", "").splitlines()


def test_each_running_step_has_a_line_with_its_times_and_its_resource(state: RunState) -> None:
    first, *_, status = live_lines(state, 120, 24, "*")
    assert first == (
        "* storage: apply       0 s of usually 57 s"
        "  3 done, now aws_s3_bucket_lifecycle_configuration.backups"
    )
    assert status == "step 5 of about 5 · 0 s passed · about 3 min left"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 50), (20, 4), (1, 1)])
def test_the_lines_fit_every_terminal(state: RunState, width: int, height: int, encoding: str) -> None:
    lines = drawn(state, width, height, encoding)
    assert len(lines) <= max(height - 1, 1)
    assert max(map(len, lines)) <= width
    assert encoding == "utf-8" or "".join(lines).isascii()


def test_a_narrow_terminal_shows_how_many_steps_there_are_and_what_is_left(state: RunState) -> None:
    *rows, status = live_lines(state, 40, 10, "*")
    assert status == "step 5 of about 5 · about 3 min left"
    assert rows[0].startswith("* storage: apply       0 s  3 done")


def test_steps_for_which_there_is_no_room_are_counted(state: RunState) -> None:
    *rows, status = live_lines(state, 200, 5)
    assert len(rows) == 3
    assert status.endswith(" · 2 more steps run")


def test_a_tools_words_cannot_move_the_cursor(state: RunState) -> None:
    state.running["verify"].activity = "a\x1b[2J\rb\tc"
    assert live_lines(state, 80, 24)[4].endswith("a [2J b c")
