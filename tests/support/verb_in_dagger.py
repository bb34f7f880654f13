""".ci/verb-in-dagger as a job runs it, and what the engine's command line would hand to the module."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagger import dag

from pipeline.machine.repository import REPOSITORY


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def call(tmp_path: Path, env: dict[str, str], *words: str, code: int | str = 0) -> tuple[int, list[str]]:
    """Run .ci/verb-in-dagger from another folder than the repository, with a dagger that notes its arguments.

    Returns:
        The exit code, and the arguments.
    """
    shutil.copytree(REPOSITORY / ".ci", tmp_path / ".ci")
    (tmp_path / "elsewhere/reports").mkdir(parents=True)
    said = f'printf "%s\\n" "$@" >argv; mkdir -p reports; echo {code} >reports/exit-code'
    program(tmp_path / "bin/dagger", said)
    env = env | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["../.ci/verb-in-dagger", *words], cwd=tmp_path / "elsewhere", env=env, check=False)
    assert (tmp_path / "elsewhere/reports").is_dir()
    return done.returncode, (tmp_path / "argv").read_text().splitlines()


def handed_over(argv: list[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Return the module's options as the engine's command line reads them from a call's words."""
    words = argv[argv.index("call") + 1 : argv.index("run")]
    options = {
        name.removeprefix("--").replace("-", "_"): value
        for name, value in zip(words[::2], words[1::2], strict=True)
    }
    return {name: _value(name, value, env) for name, value in options.items()}


def _value(name: str, value: str, env: Mapping[str, str]) -> Any:
    kind, _, rest = value.partition("://")
    if kind == "env":
        return dag.set_secret(rest, env[rest])
    if kind == "file":
        return dag.set_secret(rest, Path(rest).read_text())
    if name == "vault":
        return dag.directory().file(value)
    return int(value) if name == "workers" else value
