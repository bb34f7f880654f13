"""Attachments: their number and bytes, by what tar says and by what lies in a folder."""

import os
import subprocess
from io import BytesIO
from pathlib import Path

from quickdata_node.attachments import Files, count_folder, count_listed


def test_an_archive_and_the_folder_that_it_is_made_of_are_counted_alike(tmp_path: Path) -> None:
    live = tmp_path / "live"
    (live / "nc" / "empty").mkdir(parents=True)
    (live / "nc" / "photo ü 1 2\n-rw-r--r-- 0 9 x").write_bytes(b"12345")
    (live / "nothing").touch()
    os.link(live / "nothing", live / "nothing again")
    os.link(live / "nc" / "photo ü 1 2\n-rw-r--r-- 0 9 x", live / "again")
    (live / "link").symlink_to("nc")
    archive = subprocess.run(["tar", "-C", live, "-c", "."], capture_output=True, check=True).stdout
    command = ["tar", "--list", "--verbose", "--numeric-owner", "--quoting-style=escape"]
    listed = subprocess.run(command, input=archive, capture_output=True, check=True).stdout
    assert count_listed(BytesIO(listed)) == count_folder(live) == Files(5, 5)
