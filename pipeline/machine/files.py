"""A file that is written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRAFT = r"\..+\.\d+\.draft"
"""What a draft is called; one that is there without a run is a killed run's."""


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Yield the name of a draft in the file's folder; it becomes the file when the block ends well.

    Args:
        path: the file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file.
        content: what it will hold; text becomes UTF-8.
        mode: its rights.

    Raises:
        OSError: it cannot be written; the error names the file, as the system's own does not on a full disk.
    """
    try:
        with draft_of(path) as draft:
            draft.touch(mode)
            draft.chmod(mode)
            draft.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
