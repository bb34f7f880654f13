"""The configuration file: who may read it, and its values, written as for bash."""

import os
import re
from pathlib import Path

from quickdata_node.run import Failed

PIECE = r"""'[^']*'|"[^"$`\\]*"|\\.|\$[A-Za-z_]\w*|[^\s'"\\$`;&|<>()#]+"""
LINE = re.compile(
    rf"[ \t]*(?:(?P<key>[A-Za-z_]\w*)=(?P<value>(?:{PIECE})*+))?[ \t]*(?:(?<!\S)\#[^\n]*)?(?:\n|\Z)",
    re.DOTALL,
)


def require_private(file: Path) -> None:
    """Make sure that the file can be read, and that no other user can read or change it.

    Raises:
        Failed: the file is missing, belongs to another user, or is open to others.
    """
    if not (file.is_file() and os.access(file, os.R_OK)):
        fix = "run backup.yml, or name the file with --config"
        raise Failed(f"configuration {file} cannot be read", fix, 2)
    status = file.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise Failed(f"configuration {file} belongs to another user", "chown it to the user who runs this", 2)
    mode = status.st_mode & 0o777
    if mode & 0o077:
        raise Failed(f"configuration {file} is open to others (mode {mode:o})", f"chmod 600 {file}", 2)


def read_values(file: Path) -> dict[str, str]:
    """Return the file's values. It has bash's syntax: KEY='value', and $NAME for a variable of the
    environment."""
    text = file.read_text(encoding="utf-8", errors="surrogateescape")
    values: dict[str, str] = {}
    place = 0
    while place < len(text):
        line = LINE.match(text, place)
        if not line or line.end() == place:
            fix = "write KEY='value' lines, as backup.yml does"
            raise Failed(f"configuration {file} is not valid", fix, 2)
        if line["key"]:
            values[line["key"]] = "".join(
                _plain(piece, file) for piece in re.findall(PIECE, line["value"], re.DOTALL)
            )
        place = line.end()
    return values


def _plain(piece: str, file: Path) -> str:
    match piece[0]:
        case "'" | '"':
            return piece[1:-1]
        case "\\":
            return piece[1]
        case "$":
            if piece[1:] not in os.environ:
                raise Failed(
                    f"configuration {file}: {piece} is not in the environment",
                    "set it, or write its value",
                    2,
                )
            return os.environ[piece[1:]]
    return piece
