"""What the commands made themselves, and may remove again: only what bears their mark."""

import shlex
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

MARK = ".quickdata-mark"
"""This file in a folder has the folder's name: no copy is ours, nor a folder that only looks like one."""

MARKED = """exists (select from pg_db_role_setting, unnest(setconfig) as setting
  where setdatabase = d.oid and setrole = 0 and setting = format('quickdata.mark=%s %s', datname, d.oid))"""
"""SQL: a database that a restore made bears its very name and number in a setting of its own. No copy has the
same, a dump leaves it out, and its comment is its owner's."""

MARKING = (
    "select format('alter database %I set quickdata.mark to %L', datname, format('%s %s', datname, oid))"
    " from pg_database"
)
"""SQL: the statements that mark databases; a condition follows."""

NOT_OURS = "these scripts did not mark it as theirs. If nobody needs it"


def mark_folder(folder: Path, name: str = "") -> None:
    """Mark a folder as ours.

    Args:
        folder: the folder.
        name: the name that it is about to get, when it is not the one that it has.
    """
    (folder / MARK).write_text(f"{name or folder.name}\n", encoding="utf-8", errors="surrogateescape")


def is_marked(folder: Path) -> bool:
    """Return whether a folder is ours."""
    mark = folder / MARK
    if folder.is_symlink() or not folder.is_dir() or not mark.is_file():
        return False
    return mark.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n") == folder.name


def remove_folders(folders: Iterable[Path], log: Callable[[str], None] | None = None) -> None:
    """Remove those that bear their mark, which goes last: what a killed run left of one is still ours.

    What has none is somebody's, or was left by a run that was killed before it could mark it: it stays.
    """
    say = log or (lambda _: None)
    for folder in folders:
        if is_marked(folder):
            say(f"removing {folder}")
            _empty(folder)
            shutil.rmtree(folder)
        elif folder.exists():
            say(f"kept {folder}: {NOT_OURS}: rm -rf {shlex.quote(str(folder))}")


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()
