"""The Ansible module small_files, run as Ansible runs it: a process with its arguments in JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.machine.repository import REPOSITORY

MODULE = REPOSITORY / "infrastructure/ansible/library/small_files.py"
SECRET = "canary-9f3b"


def run(check: bool = False, diff: bool = False, **arguments: Any) -> dict[str, Any]:
    """Return the module's answer."""
    given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": diff}}
    done = subprocess.run(
        [sys.executable, str(MODULE)], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout))


def file(path: Path, content: str = "one\n", mode: str = "0640") -> dict[str, str]:
    return {"path": str(path), "mode": mode, "content": content}


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_directories_and_files_get_their_modes_whatever_the_umask_is(tmp_path: Path) -> None:
    directory, written = tmp_path / "a/b", tmp_path / "a/b/c"
    done = run(directories=[{"path": str(directory), "mode": "2775"}], files=[file(written)])
    assert done["changed"] and done["paths"] == [str(directory), str(written)]
    assert (mode_of(directory), mode_of(written), written.read_text()) == (0o2775, 0o640, "one\n")


def test_the_second_run_changes_nothing(tmp_path: Path) -> None:
    wanted = {"directories": [{"path": str(tmp_path / "d"), "mode": "0700"}], "files": [file(tmp_path / "f")]}
    run(**wanted)
    inode = (tmp_path / "f").stat().st_ino
    done = run(**wanted)
    assert not done["changed"] and done["paths"] == []
    assert (tmp_path / "f").stat().st_ino == inode


def test_other_content_and_another_mode_are_corrected_and_no_other_file_remains(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("two\n")
    (tmp_path / "g").write_text("one\n")
    (tmp_path / "g").chmod(0o666)
    done = run(files=[file(tmp_path / "f"), file(tmp_path / "g")])
    assert done["paths"] == [str(tmp_path / "f"), str(tmp_path / "g")]
    assert {each.name: (each.read_text(), mode_of(each)) for each in tmp_path.iterdir()} == {
        "f": ("one\n", 0o640),
        "g": ("one\n", 0o640),
    }


def test_check_mode_tells_the_changes_and_makes_none(tmp_path: Path) -> None:
    done = run(
        check=True,
        directories=[{"path": str(tmp_path / "d"), "mode": "0700"}],
        files=[file(tmp_path / "d/f")],
    )
    assert done["paths"] == [str(tmp_path / "d"), str(tmp_path / "d/f")]
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_shown_only_if_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("two\n")
    shown = run(check=True, diff=True, files=[file(tmp_path / "f")])["diff"]
    assert [(each["before"], each["after"]) for each in shown] == [("two\n", "one\n")]
    quiet = run(files=[file(tmp_path / "f", SECRET)])
    assert "diff" not in quiet
    assert SECRET not in json.dumps({name: value for name, value in quiet.items() if name != "invocation"})


def test_a_symbolic_link_is_replaced_and_its_target_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("one\n")
    (tmp_path / "f").symlink_to(tmp_path / "target")
    done = run(files=[file(tmp_path / "f", "two\n")])
    assert done["changed"] and not (tmp_path / "f").is_symlink()
    assert (tmp_path / "target").read_text() == "one\n"


def test_a_file_in_the_way_of_a_directory_fails_by_name_and_stays(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("in the way")
    done = run(directories=[{"path": str(tmp_path / "d"), "mode": "0700"}])
    assert done["failed"] and str(tmp_path / "d") in done["msg"]
    assert (tmp_path / "d").read_text() == "in the way"


def test_a_directory_in_the_way_of_a_file_fails_by_name_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    done = run(files=[file(tmp_path / "f")])
    assert done["failed"] and str(tmp_path / "f") in done["msg"]
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_a_mode_that_is_not_octal_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    done = run(files=[file(tmp_path / "f"), file(tmp_path / "g", mode="rw")])
    assert done["failed"] and "rw" in done["msg"]
    assert list(tmp_path.iterdir()) == []
