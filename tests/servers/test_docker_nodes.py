"""Nodes that are containers: what is wrong is found before any is made, and what was made is removed."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import ToolError
from pipeline.rehearsal import docker_nodes as made
from pipeline.rehearsal.docker_nodes import nodes
from pipeline.rehearsal.which_nodes import rehearse_on
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.docker import docker

Stub = Callable[[str], None]
ANSWERS = """case $1 in
version) echo 28.2 ;;
context) echo "$HOST" ;;
image) exit 1 ;;
pull) echo "no space left on device" >&2; exit 1 ;;
esac"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Put a script of shell in the place of Docker's command line."""

    def put(text: str) -> None:
        (tmp_path / "docker").write_text(f"#!/bin/bash\ncd {tmp_path}\n{text}\n")
        (tmp_path / "docker").chmod(0o755)

    for program in ("ssh", "ssh-keygen"):
        (tmp_path / program).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return put


async def refused() -> str:
    with pytest.raises(ToolError) as caught:
        await rehearse_on("docker", Progress(), Report("rehearse", "localstack"), "x")
    return caught.value.what


async def test_a_rehearsal_begins_by_removing_the_nodes_of_a_killed_one(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / "quickdata-dead"
    dead.mkdir()
    (dead / ".quickdata").touch()
    (dead / "nodes-in-docker").write_text("quickdata-0123abcd")
    stub('[ "$1" != context ] && echo "$@" >>asked')
    await refused()
    assert "label=quickdata.rehearsal=quickdata-0123abcd" in (tmp_path / "asked").read_text()
    assert not dead.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [("x" * 60, "is too long for SSH"), ("é" * 30, "is too long for SSH"), ('x"y', "cannot pass to SSH")],
)
async def test_a_name_that_ssh_cannot_use_is_told_before_anything_is_started(name: str, why: str) -> None:
    with pytest.raises(ToolError, match=why) as caught:
        async with nodes(Path("/tmp", name), {}):
            pass
    assert "TMPDIR=/tmp" in str(caught.value)


async def test_start_copying_and_removal_of_nodes_are_shown(stub: Stub, tmp_path: Path) -> None:
    stub("[ $1 = image ] && echo '[{}]'; exit 0")
    (tmp_path / "ssh-keygen").unlink()
    (tmp_path / "ssh-keygen").write_text('#!/bin/sh\nfor file; do :; done\ntouch "$file" "$file.pub"\n')
    (tmp_path / "ssh-keygen").chmod(0o755)
    shown: list[str] = []

    @contextmanager
    def act(name: str) -> Iterator[None]:
        shown.append(name)
        yield

    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        async with nodes(Path(directory), {"manager": ("adminer",), "worker-1": ()}, act=act):
            before = list(shown)
    assert before[0] == "nodes: image"
    assert sorted(before[1:]) == ["manager: copy images", "manager: start", "worker-1: start"]
    assert shown[len(before) :] == ["nodes: removal"]


async def test_an_image_is_built_by_the_proxy_and_no_command_holds_its_password(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", "http://somebody:pr0xy-secret@proxy.invalid:3128")
    stub('case $1 in image) exit 1 ;; build) echo "$@" "$http_proxy" >built ;; esac')
    await made._build_image(made.BASE)
    words = (tmp_path / "built").read_text()
    assert "--build-arg=http_proxy --build-arg=HTTPS_PROXY" in words
    assert words.count("pr0xy-secret") == 1


async def test_an_image_that_cannot_be_pulled_is_told_in_dockers_own_words(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "unix:///run/docker.sock")
    stub(ANSWERS)
    assert "cannot be pulled (no space left on device)" in await refused()


async def test_a_docker_on_another_machine_is_refused_for_its_nodes_would_be_out_of_reach(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "tcp://203.0.113.9:2376")
    stub(ANSWERS)
    assert "Docker runs on another machine, at tcp://203.0.113.9:2376" in await refused()


async def test_a_docker_that_does_not_answer_is_told_in_its_own_words(stub: Stub) -> None:
    stub("echo 'permission denied while trying to connect' >&2; exit 1")
    assert "Docker does not answer (permission denied while trying to connect)" in await refused()


async def test_a_ctrl_c_at_the_terminal_does_not_reach_docker(stub: Stub) -> None:
    """The nodes are removed while a person presses it a second time."""
    stub("ps -o sid= -p $$; echo $$")
    session, process = (await docker("ps")).split()
    assert session == process


async def test_a_container_that_appears_late_is_removed_too(stub: Stub, tmp_path: Path) -> None:
    """Docker removes one that is still being made only in its words."""
    stub("""case $1 in
    ps) echo >>asked; (($(wc -l <asked) > 3)) || echo c0ffee ;;
    rm) echo "$@" >>removed ;;
    network) [[ $2 == ls && ! -e gone ]] && echo beef; [[ $2 != rm ]] || touch gone ;;
    esac""")
    await made._remove("quickdata-0123abcd")
    assert (tmp_path / "removed").read_text().splitlines() == ["rm --force --volumes c0ffee"] * 3
    assert (tmp_path / "gone").exists()


async def test_what_cannot_be_removed_is_named_with_the_command_that_does(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "REMOVAL_LIMIT", 0.2)
    stub("exit 1")
    with pytest.raises(ToolError, match="quickdata-0123abcd could not be removed") as caught:
        await made._remove("quickdata-0123abcd")
    assert "docker network rm quickdata-0123abcd" in str(caught.value)
