"""A PostgreSQL of packages is found by what its programs say, and runs as the one that comes along does."""

import shutil
from pathlib import Path

import pytest

from pipeline.servers.installed import CLIENTS, PACKAGED, SERVER, installed
from pipeline.servers.postgres import MAJOR, binaries, postgres

OLDER = [Path(PACKAGED[0].format(major)) for major in range(13, MAJOR)]


def copied(folder: Path, programs: tuple[str, ...]) -> Path:
    folder.mkdir()
    for each in programs:
        (folder / each).symlink_to(binaries() / each)
    return folder


async def test_a_folder_with_all_programs_of_the_version_is_found(tmp_path: Path) -> None:
    whole = copied(tmp_path / "whole", SERVER)
    assert await installed(MAJOR, folders=[tmp_path / "none", whole]) == whole


@pytest.mark.parametrize("missing", SERVER)
async def test_a_folder_that_lacks_a_program_is_not_taken(tmp_path: Path, missing: str) -> None:
    part = copied(tmp_path / "part", tuple(each for each in SERVER if each != missing))
    assert await installed(MAJOR, folders=[part]) is None


async def test_clients_alone_are_found_where_no_server_is(tmp_path: Path) -> None:
    part = copied(tmp_path / "part", CLIENTS)
    assert await installed(MAJOR, CLIENTS, [part]) == part


async def test_another_version_is_not_taken(tmp_path: Path) -> None:
    whole = copied(tmp_path / "whole", SERVER)
    assert await installed(MAJOR + 1, folders=[whole]) is None


async def test_a_program_that_fails_is_of_no_version(tmp_path: Path) -> None:
    whole = copied(tmp_path / "whole", SERVER)
    (whole / "postgres").unlink()
    shutil.copy("/bin/false", whole / "postgres")
    assert await installed(MAJOR, folders=[whole]) is None


async def test_an_older_package_of_this_machine_is_not_taken() -> None:
    """Debian 12 has 15. A machine without one proves the same of folders that are not there."""
    assert await installed(MAJOR, folders=OLDER) is None


async def test_what_is_installed_runs(tmp_path: Path) -> None:
    """A package's folder is one of programs whose libraries are found: so is this one."""
    async with postgres(tmp_path / "data", installed=binaries()) as server:
        assert server.bin == binaries()
        assert server.psql("select 1") == "1"
