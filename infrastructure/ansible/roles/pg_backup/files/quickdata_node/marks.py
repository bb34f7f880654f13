"""The marks on databases and folders. The commands remove only those that bear the commands' own mark."""

import shlex
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

MARK = ".quickdata-mark"
"""A file in a folder, which holds the folder's name. So a copy is not ours, nor a folder of a similar
name."""

MARKED = """exists (select from pg_db_role_setting, unnest(setconfig) as setting
  where setdatabase = d.oid and setrole = 0 and setting = format('quickdata.mark=%s %s', datname, d.oid))"""
"""SQL: whether a restore created the database: its own name and number are in one of its settings. A copy has
another name and number. A dump leaves the setting out. A comment would not do: it belongs to the owner."""

MARKING = (
    "select format('alter database %I set quickdata.mark to %L', datname, format('%s %s', datname, oid))"
    " from pg_database"
)
"""SQL that returns the statements to mark databases; a condition must follow."""

NOT_OURS = "these scripts did not mark it as theirs. If nobody needs it"


def mark_folder(folder: Path, name: str = "") -> None:
    """Mark a folder as ours.

    Args:
        folder: the folder.
        name: the name that the folder will get, if that is not its current name.
    """
    (folder / MARK).write_text(f"{name or folder.name}\n", encoding="utf-8", errors="surrogateescape")


def is_marked(folder: Path) -> bool:
    """Return whether a folder bears our mark."""
    mark = folder / MARK
    if folder.is_symlink() or not folder.is_dir() or not mark.is_file():
        return False
    return mark.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n") == folder.name


def remove_folders(folders: Iterable[Path], log: Callable[[str], None] | None = None) -> None:
    """Remove the folders that bear their mark. The mark goes last: a half removed folder is still ours.

    A folder without a mark stays: somebody else created it, or a run was killed before it set the mark.
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
