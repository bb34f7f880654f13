"""Room on the disks: what is missing is told at once, with the directory and the size."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from pipeline.errors import ToolError
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.room import Need, require_room
from pipeline.rehearsal.swarm import swarm
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.host import HostRunner
from pipeline.steps.failures import diagnose, with_fix
from pipeline.tofu import binary as tools
from tests.support.faults import mounted

QUICKDATA = [sys.executable, "-m", "pipeline"]
FULL = "No space left on device"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "small", "size=8m") as directory:
        yield directory


def test_a_rehearsal_without_room_is_refused_at_once_with_the_directory_and_the_size(
    small: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(small)}
    command = [*QUICKDATA, "rehearse", "--nodes", "local"]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert f"MB are needed for a rehearsal in {small}" in done.stderr
    assert "8 MB are free\n  → free space there, or set TMPDIR to another directory" in done.stderr
    assert list(small.iterdir()) == []


async def test_nodes_in_docker_without_room_where_docker_keeps_them_are_refused_before_any_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, root = tmp_path / "bin/docker", tmp_path / "docker"
    for directory in (docker.parent, root):
        directory.mkdir()
    size = json.dumps([{"Size": 10**15}])
    answers = f"info) echo {root} ;; image) echo '{size}' ;; *) touch {root}/made ;;"
    docker.write_text(f"#!/bin/bash\ncase $1 in {answers} esac\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    with pytest.raises(ToolError, match=rf"are needed for the nodes in {root}; .* are free") as caught:
        async with swarm(Progress(), Report("rehearse", "localstack"), "x"):
            pass
    assert "rehearse with --nodes local" in caught.value.fix
    assert list(root.iterdir()) == []


def test_needs_on_one_file_system_are_added_up(small: Path) -> None:
    one, other = (
        Need(small / "not/yet", 5_000_000, "for one", "do without"),
        Need(small, 5_000_000, "for two"),
    )
    require_room([one])
    require_room([other])
    with pytest.raises(ToolError, match=r"for one in .*not/yet, and 5 MB are needed for two in ") as caught:
        require_room([one, other])
    assert caught.value.fix == "free space there, or do without"


def test_a_provider_is_counted_for_each_stack_where_no_mirror_links_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_PLUGIN_CACHE_DIR", raising=False)
    monkeypatch.setattr(tools, "find_tofu", lambda: Path("/usr/bin/tofu"))
    stacks = [tmp_path / "storage", tmp_path / "app"]
    monkeypatch.setattr(tools, "find_provider", lambda: None)
    assert sum(need.bytes for need in tools.downloads(stacks)) == 2 * tools.PROVIDER_BYTES
    there = f"registry.opentofu.org/hashicorp/aws/{tools.PROVIDER_VERSION}/{tools.this_platform()}"
    (stacks[0] / ".terraform/providers" / there).mkdir(parents=True)
    assert [need.directory for need in tools.downloads(stacks)] == [stacks[1] / ".terraform/providers"]
    monkeypatch.setattr(tools, "find_provider", lambda: tmp_path)
    assert list(tools.downloads(stacks)) == []


def test_an_opentofu_that_has_to_be_downloaded_is_counted_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tools, "find_tofu", lambda: None)
    monkeypatch.setattr(tools, "find_provider", lambda: tmp_path)
    [need] = tools.downloads([])
    assert need.directory.is_relative_to(tmp_path)


WORDS = {
    f"OSError: [Errno 28] {FULL}: '/var/lib/my files/x'": "/var/lib/my files/x",
    "open /srv/My Projects/plan: no space left on device": "/srv/My Projects/plan",
    f'pg_restore: error: could not extend file "base/16384/2619": {FULL}': "base/16384/2619",
    f"cp: error writing '/opt/x': {FULL}": "/opt/x",
    f"backup-pg.sh: line 7: /var/tmp/fill: {FULL}": "/var/tmp/fill",
    f"tar: nc/uploads/receipt: Cannot write: {FULL}": "nc/uploads/receipt",
    "mkdir: cannot create directory '/home/x': Disk quota exceeded": "/home/x",
}


@pytest.mark.parametrize(("said", "place"), WORDS.items())
def test_a_full_disk_is_told_with_the_place_that_the_tool_names(said: str, place: str) -> None:
    error = diagnose("storage: init", 1, "", said)
    assert error.what == f"storage: init: the disk is full at {place}"
    assert "kept" not in error.fix


def test_a_full_disk_that_the_tool_does_not_place_is_told_all_the_same() -> None:
    assert diagnose("x", 1, "", f"write error: {FULL}").what == "x: the disk is full"


def test_a_full_disk_that_python_finds_is_told_with_its_place() -> None:
    error = with_fix(OSError(errno.ENOSPC, FULL, "/tmp/x"))
    assert str(error).startswith("the disk is full at /tmp/x\n  → free some space")


async def test_a_file_that_finds_no_room_is_named(small: Path) -> None:
    with pytest.raises(OSError) as caught:
        await HostRunner(small, {}, Progress()).write(PurePosixPath("plan.json"), "x" * 9_000_000)
    assert with_fix(caught.value).args == (f"the disk is full at {small / 'plan.json'}",)
    assert list(small.iterdir()) == []
