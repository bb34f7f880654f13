"""A file that is written whole or not at all."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file.
        content: what it will hold; text becomes UTF-8.
        mode: its rights.

    Raises:
        OSError: it cannot be written; the error names the file, as the system's own does not on a full disk.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.touch(mode)
        draft.chmod(mode)
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)
