"""Find an installed PostgreSQL by the versions that its programs report."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from anyio import run_process

CLIENTS = ("pg_dump", "pg_restore", "psql")
SERVER = ("postgres", "initdb", "pg_isready", *CLIENTS)
PACKAGED = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
"""The folders that packages of Debian and of PostgreSQL use for a major version."""
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


async def installed(
    major: int, programs: Iterable[str] = SERVER, folders: Iterable[Path] | None = None
) -> Path | None:
    """Return the folder with all programs of a major version; None if there is no such folder.

    Args:
        major: the major version.
        programs: the names of the programs; the version of the first one is checked.
        folders: the folders to search; None means the folders that packages use.
    """
    wanted = tuple(programs)
    for folder in await _folders(major) if folders is None else folders:
        there = all(shutil.which(each, path=str(folder)) for each in wanted)
        if there and await _major(folder / wanted[0]) == major:
            return folder
    return None


async def _folders(major: int) -> list[Path]:
    """Return the folders that packages use, with the folder that pg_config reports first."""
    packaged = [Path(each.format(major)) for each in PACKAGED]
    told = await _said("pg_config", "--bindir") if shutil.which("pg_config") else ""
    return [*([Path(told)] if told else []), *packaged]


async def _major(program: Path) -> int | None:
    found = VERSION.search(await _said(str(program), "--version"))
    return int(found[1]) if found else None


async def _said(*command: str) -> str:
    result = await run_process(command, check=False)
    return "" if result.returncode else result.stdout.decode(errors="replace").strip()
