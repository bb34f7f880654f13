"""The Makefile: a list that can be read, and installations that leave nothing in other people's TMPDIR."""

import os
import subprocess
import sysconfig
import tomllib
from pathlib import Path

from pipeline.machine.repository import REPOSITORY


def make(*words: str) -> str:
    command, env = ["make", "--no-print-directory", *words], {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=REPOSITORY, env=env, text=True, capture_output=True, check=True).stdout


def test_every_target_is_explained_in_one_column() -> None:
    lines = make("help").splitlines()
    columns = {len(line) - len(line.split(maxsplit=2)[2]) for line in lines}
    assert len(lines) > 10
    assert len(columns) == 1, "\n".join(lines)


def test_uv_keeps_its_lock_files_in_the_checkout() -> None:
    recipe = make("--dry-run", "--always-make", "install")
    [sync] = [line for line in recipe.splitlines() if " sync " in line]
    assert sync.startswith('TMPDIR="$PWD/.tools" ')


def test_where_the_code_is_stands_in_no_file_by_a_path_of_this_machine() -> None:
    packages = Path(sysconfig.get_path("purelib"))
    [file] = packages.glob("*quickdata*.pth")
    places = [Path(line) for line in file.read_text().splitlines()]
    assert not [place for place in places if place.is_absolute()]
    found = {
        name
        for place in places
        for name in ("pipeline", "quickdata_node")
        if (packages / place / name).is_dir()
    }
    assert found == {"pipeline", "quickdata_node"}


def test_what_python_prints_is_not_kept_back_in_a_pipe(tmp_path: Path) -> None:
    own = tmp_path / "Makefile"
    own.write_text(f"include {REPOSITORY / 'Makefile'}\n.PHONY: told\ntold:\n\t@echo $$PYTHONUNBUFFERED\n")
    assert make("--file", str(own), "told").strip() == "1"


def test_every_test_is_run_by_make_test_by_make_test_long_or_by_make_test_swarm() -> None:
    options = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    files = [file.relative_to(REPOSITORY) for file in REPOSITORY.glob("tests/**/test_*.py")]
    assert options["norecursedirs"] == ["long"]
    assert {*options["testpaths"], "tests/swarm"} == {"/".join(file.parts[:2]) for file in files}
    long = {str(file.parent) for file in files if "long" in file.parts}
    recipe = make("--dry-run", "test-long").splitlines()[-1]
    assert {word for word in recipe.split() if word.startswith("tests/")} == long
