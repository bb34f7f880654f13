"""Files that are written whole get the permissions that their reader expects."""

import os
from pathlib import Path

import pytest

from pipeline.machine.files import write_whole


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_a_file_without_a_mode_has_the_permissions_of_the_users_umask(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "index.html", "page")
        write_whole(tmp_path / "tofu", b"program", 0o755)
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("index.html", "tofu")]
    assert modes == [mode, 0o755]
