"""Write a file completely, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRAFT = r"\..+\.\d+\.draft"
"""The name of a draft. If no run uses it, a killed run left it behind."""


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Yield the name of a draft in the file's folder; it replaces the file if the block succeeds.

    Args:
        path: the file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Write a file completely, or not at all.

    Args:
        path: the file.
        content: its content; text is written as UTF-8.
        mode: its permissions, whatever the umask is; None leaves them to the umask.

    Raises:
        OSError: the file cannot be written; the error always names the file, even on a full disk.
    """
    try:
        with draft_of(path) as draft:
            if mode is not None:
                draft.touch(mode)
                draft.chmod(mode)
            draft.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
