"""A PostgreSQL of this machine's own packages, found by what its programs say of themselves."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from anyio import run_process

CLIENTS = ("pg_dump", "pg_restore", "psql")
SERVER = ("postgres", "initdb", "pg_isready", *CLIENTS)
PACKAGED = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
"""Where Debian's and PostgreSQL's own packages put a major version."""
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


async def installed(
    major: int, programs: Iterable[str] = SERVER, folders: Iterable[Path] | None = None
) -> Path | None:
    """Return the folder with programs of a major version, None where no folder has them all.

    Args:
        major: the version.
        programs: which ones; the first one is asked for its version.
        folders: where to look; None is where packages put them.
    """
    wanted = tuple(programs)
    for folder in await _folders(major) if folders is None else folders:
        there = all(shutil.which(each, path=str(folder)) for each in wanted)
        if there and await _major(folder / wanted[0]) == major:
            return folder
    return None


async def _folders(major: int) -> list[Path]:
    """Return where packages put programs: pg_config knows of one place."""
    packaged = [Path(each.format(major)) for each in PACKAGED]
    told = await _said("pg_config", "--bindir") if shutil.which("pg_config") else ""
    return [*([Path(told)] if told else []), *packaged]


async def _major(program: Path) -> int | None:
    found = VERSION.search(await _said(str(program), "--version"))
    return int(found[1]) if found else None


async def _said(*command: str) -> str:
    result = await run_process(command, check=False)
    return "" if result.returncode else result.stdout.decode(errors="replace").strip()
