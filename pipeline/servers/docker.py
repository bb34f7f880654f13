"""The Docker daemon of this machine, used by its command line."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

from anyio import open_process, run_process

from pipeline.errors import ToolError

WITHOUT = "fix the problem that Docker reports, or rehearse with --nodes local"
STAND_IN = "quickdata.stand-in"
"""The label of an image that the tests made instead of the real one."""


def tied_to_us(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that gets SIGTERM when the process that started it is killed.

    The kernel sends the signal (prctl(2), PR_SET_PDEATHSIG), maybe more than once.

    Args:
        command: argv.
    """
    setpriv = shutil.which("setpriv")  # util-linux: only Linux has it
    return (setpriv, "--pdeathsig", "TERM", "--", *command) if setpriv else command


async def docker(*words: str, stdin: bytes | None = None) -> str:
    """Run a Docker command and return its output. A Ctrl-C at the terminal does not reach the command.

    Args:
        words: the command, such as "network", "create".
        stdin: the input of the command.

    Raises:
        ToolError: Docker is not installed, or the command failed; the error has its last lines.
    """
    if not shutil.which("docker"):
        raise ToolError("Docker is not installed", "install Docker, or rehearse with --nodes local")
    command = tied_to_us(("docker", *words))
    result = await run_process(command, input=stdin, check=False, start_new_session=True)
    if result.returncode:
        tail = "\n".join(result.stderr.decode(errors="replace").splitlines()[-5:])
        raise ToolError(f"docker {words[0]} failed", WITHOUT, tail)
    return result.stdout.decode().strip()


async def inspect_images(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return Docker's description of the images that it has, by name."""
    known = {}
    for name in names:
        try:
            known[name] = json.loads(await docker("image", "inspect", name))[0]
        except ToolError:  # Docker does not have this image
            continue
    return known


async def pour(container: str, names: Iterable[str]) -> None:
    """Copy images from this machine's Docker to the Docker in a container.

    Raises:
        ToolError: saving or loading failed.
    """
    out, into = os.pipe()
    alone: Any = {"stderr": subprocess.DEVNULL, "start_new_session": True}
    try:
        save = await open_process(tied_to_us(("docker", "save", *names)), stdout=into, **alone)
        command = ("docker", "exec", "-i", container, "docker", "load", "--quiet")
        load = await open_process(tied_to_us(command), stdin=out, **alone)
    finally:
        os.close(out)
        os.close(into)
    async with save, load:
        codes = await load.wait(), await save.wait()
    if any(codes):
        raise ToolError(f"the images could not be loaded into {container}", "free some space, then run again")
