"""A server beside a block: when it ends first, that is what is told; everything else is as without it."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from pipeline.cli.run import run
from pipeline.errors import Interrupted, ToolError, VerifyFailed
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.postgres import Postgres, postgres
from pipeline.servers.process import serving

TALKS = "for n in {1..20}; do echo line $n; done; echo $$ >%s; "


@asynccontextmanager
async def server(directory: Path, ends: str = "exec sleep 1000") -> AsyncIterator[int]:
    """A program that says something, and then ends as it is told; yields its process id."""
    pid = directory / "pid"
    command = ("bash", "-c", TALKS % pid + ends)

    async def ready() -> bool:
        return pid.exists() and bool(pid.read_text())

    async with serving("The server", command, {"PATH": os.defpath}, directory / "log", ready):
        yield int(pid.read_text())


async def test_a_killed_server_ends_the_block_and_is_the_error(tmp_path: Path) -> None:
    with anyio.fail_after(60), pytest.raises(ToolError) as caught:
        async with server(tmp_path) as pid:
            os.kill(pid, signal.SIGKILL)
            await anyio.sleep_forever()
    assert caught.value.what == "The server ended too early: killed by SIGKILL"
    assert caught.value.tail.splitlines() == [f"line {n}" for n in range(13, 21)]


async def test_a_server_that_ends_by_itself_is_told_with_its_exit_code(tmp_path: Path) -> None:
    with anyio.fail_after(60), pytest.raises(ToolError, match="ended too early: exit code 3"):
        async with server(tmp_path, f"until [[ -e {tmp_path}/go ]]; do sleep 0.05; done; exit 3"):
            (tmp_path / "go").touch()
            await anyio.sleep_forever()


async def test_what_fails_because_the_server_has_ended_is_not_the_error(tmp_path: Path) -> None:
    """Nor is what fails in parallel work, or is thrown by what is cancelled then."""

    async def fail() -> None:
        raise VerifyFailed("the endpoint does not answer", "check the network")

    with (
        anyio.fail_after(60),
        pytest.raises(ToolError, match="The server ended too early: killed by SIGTERM"),
    ):
        async with server(tmp_path) as pid, anyio.create_task_group() as group:
            os.kill(pid, signal.SIGTERM)
            group.start_soon(fail)
            group.start_soon(anyio.sleep_forever)


async def test_an_error_beside_a_server_that_lives_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(VerifyFailed) as caught:
        async with server(tmp_path) as pid:
            raise VerifyFailed("2 tables differ", "look at them")
    assert caught.value.what == "2 tables differ"
    assert not Path(f"/proc/{pid}").exists()


async def test_a_server_that_does_not_start_is_told_with_its_exit_code(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    log = tmp_path / "log"
    with pytest.raises(ToolError, match="The server ended while starting: exit code 7") as caught:
        async with serving("The server", ("bash", "-c", "echo no; exit 7"), {"PATH": os.defpath}, log, never):
            pass
    assert caught.value.tail == "no"


def test_a_ctrl_c_ends_the_block_and_the_server(tmp_path: Path) -> None:
    async def verb(_progress: Progress, _report: Report) -> None:
        async with server(tmp_path):
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    with pytest.raises(Interrupted):
        run(verb, "rehearse", "localstack", tmp_path / "reports")
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


async def test_a_postgresql_that_is_killed_ends_what_asks_it(tmp_path: Path) -> None:
    with anyio.fail_after(60), pytest.raises(ToolError) as caught:
        async with postgres(tmp_path / "postgres") as database:
            os.kill(postmaster(tmp_path / "postgres"), signal.SIGKILL)
            await anyio.to_thread.run_sync(refused, database)
    assert caught.value.what == "PostgreSQL ended too early: killed by SIGKILL"
    assert "ready to accept connections" in caught.value.tail


def postmaster(directory: Path) -> int:
    return int((directory / "data/postmaster.pid").read_text().splitlines()[0])


def refused(database: Postgres) -> None:
    """Ask until the server is not there any more, as a client would."""
    while True:
        subprocess.run(
            [database.bin / "psql", "-Xc", "select 1", "postgres"],
            env=database.environment,
            check=True,
            capture_output=True,
        )
