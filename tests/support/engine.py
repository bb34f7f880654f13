"""A Dagger session without an engine: what the module asks of it is recorded, and its execs really run here.

An exec runs once for each chain that leads to it, and its result is remembered: as a real engine does, this
one would replay a step that has nothing fresh in its chain.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import dagger
import gql
import pytest
from dagger.client._core import Context, Field

from pipeline.runners.container import FRESH, OUT

ERROR_FROM, ERROR_TO = 128, 191
"""Exit codes that `expect: ANY` leaves out."""

Chain = tuple[tuple[str, str], ...]


@dataclass
class Exec:
    """What came of one exec."""

    code: int
    out: str
    err: str
    env: dict[str, str]
    file: str | None = None
    """What it wrote to the one file that is asked for afterwards."""


@dataclass
class Engine:
    """Interprets chains of selections.

    Args:
        root: a directory that stands for the root of every container.
        secrets: plain values by the secret's id.
        places: where this machine has what a container has elsewhere.
    """

    root: Path
    secrets: dict[str, str] = field(default_factory=dict)
    queries: list[list[Field]] = field(default_factory=list)
    execs: dict[Chain, Exec] = field(default_factory=dict)
    started: list[list[Field]] = field(default_factory=list)
    stopped: list[list[Field]] = field(default_factory=list)
    broken: str = ""
    places: dict[str, str] = field(default_factory=dict)
    executing: bool = False

    def __post_init__(self) -> None:
        own = (
            "/root",
            "/run/quickdata",
            "/tmp/quickdata.text",
            OUT,
            "/kept",
            "/workspace",
            "/source",
            "/opt/quickdata",
        )
        self.places = {place: f"{self.root}{place}" for place in own}
        self.places |= {"/opt/venv/bin": str(Path(sys.executable).parent)}

    async def execute(self, context: Context, _return_type: Any = None) -> Any:
        """Stand in for a round trip to the engine; one that is cancelled is not answered."""
        await anyio.lowlevel.checkpoint()
        await context.resolve_ids()
        chain = list(context.selections)
        self.queries.append(chain)
        *before, last = chain
        if self.broken:
            raise query_error(self.broken)
        if last.name == "id":
            return self._identity(before)
        if last.name == "sync" and before[-1].name == "directory":
            self._make_folder(before)
        if last.name in ("sync", "returnError"):
            return last.name
        if last.name == "plaintext":
            return self._plain(before[-1])
        if last.name in ("start", "stop", "endpoint"):
            return self._serve(before, last)
        if last.name == "contents":
            return self._contents(before)
        done = self._run(before)
        return {"exitCode": done.code, "stdout": done.out, "stderr": done.err}[last.name]

    def _serve(self, chain: list[Field], last: Field) -> str:
        """Note what is asked of a service; none runs here, whose name would be another machine's."""
        if last.name == "endpoint":
            port = next(each.args["port"] for each in chain if each.name == "withExposedPort")
            return f"http://localhost:{port}"
        {"start": self.started, "stop": self.stopped}[last.name].append([*chain, last])
        return last.name

    def _make_folder(self, chain: list[Field]) -> None:
        """Run what leads to a folder, from the first exec that runs every time: none makes the toolbox."""
        begin = next(number for number, each in enumerate(chain) if each.args.get("name") == FRESH)
        for number in range(begin, len(chain)):
            if chain[number].name == "withExec":
                self._run(chain[: number + 1])

    def _contents(self, chain: list[Field]) -> str:
        *before, last = chain
        assert last.args == {"path": OUT}, last
        if (text := self._run(before).file) is None:
            raise query_error(f"open {OUT}: no such file or directory")
        return text

    def _plain(self, secret: Field) -> str:
        if secret.name == "secret":  # of the caller's environment, which has none
            raise query_error(f"secret env var not found: {secret.args['uri']}")
        return str(secret.args["plaintext"])

    def _identity(self, chain: list[Field]) -> str:
        if chain[-1].name == "setSecret":
            self.secrets[chain[-1].args["name"]] = chain[-1].args["plaintext"]
            return str(chain[-1].args["name"])
        return repr(key(chain))

    def _run(self, chain: list[Field]) -> Exec:
        if key(chain) not in self.execs:
            self.execs[key(chain)] = self._exec(chain)
        done = self.execs[key(chain)]
        wanted = chain[-1].args.get("expect") == "ANY" and not ERROR_FROM <= done.code <= ERROR_TO
        if done.code and not wanted:
            values = {"cmd": ["x"], "exitCode": done.code, "stdout": done.out, "stderr": done.err}
            raise query_error("process did not complete", _type="EXEC_ERROR", **values)
        return done

    def _exec(self, chain: list[Field]) -> Exec:
        *before, last = chain
        assert last.name == "withExec", last
        env, workdir, mounted = {"PATH": os.environ["PATH"]}, str(self.root), []
        for each in before:
            if each.name == "withEnvVariable":
                env[each.args["name"]] = each.args["value"]
            elif each.name == "withSecretVariable":
                env[each.args["name"]] = self.secrets[each.args["secret"]]
            elif each.name == "withMountedSecret":
                mounted.append(
                    self._lay(
                        each.args["path"], self.secrets[each.args["source"]], each.args.get("mode", 0o400)
                    )
                )
            elif each.name == "withNewFile":
                self._lay(each.args["path"], each.args["contents"], each.args.get("permissions", 0o644))
            elif each.name == "withWorkdir":
                workdir = each.args["path"]
        try:
            Path(self._inside(workdir)).mkdir(parents=True, exist_ok=True)
            return self._process(last, env, self._inside(workdir))
        finally:
            for path in mounted:
                path.unlink()

    def _process(self, last: Field, env: dict[str, str], workdir: str) -> Exec:
        command = [self._inside(word) for word in last.args["args"]]
        env = {name: self._inside(value) for name, value in env.items()}
        if shutil.which(command[0], path=env["PATH"]) is None:
            return Exec(1, "", f'exec: "{command[0]}": executable file not found in $PATH\n', env)
        out = Path(self._inside(OUT))
        out.parent.mkdir(exist_ok=True)
        out.unlink(missing_ok=True)
        given = last.args.get("stdin", "")
        with self.outside():
            done = subprocess.run(
                command, cwd=workdir, env=env, input=given, capture_output=True, text=True, check=False
            )
        code = done.returncode if done.returncode >= 0 else ERROR_FROM - done.returncode
        return Exec(code, done.stdout, done.stderr, env, out.read_text() if out.exists() else None)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let the block start processes: it is not of the module's own container."""
        self.executing = True
        try:
            yield
        finally:
            self.executing = False

    def _inside(self, text: str) -> str:
        """Move the container's own places below the root."""
        for place, here in self.places.items():
            if text.startswith(place):
                return here + text.removeprefix(place)
        return text

    def _lay(self, path: str, text: str, mode: int) -> Path:
        target = Path(self._inside(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.touch(mode)
        target.chmod(0o600)
        target.write_text(text)
        target.chmod(mode)
        return target

    def program(self, path: str, text: str) -> None:
        """Give every container a program of shell."""
        self.places |= {path: str(self._lay(f"{self.root}/programs/{path}", f"#!/bin/sh\n{text}\n", 0o755))}

    def lay_down(self) -> None:
        """Give every container an infrastructure and a workspace, both empty."""
        for place in ("source", "workspace"):
            (self.root / place).mkdir()

    @property
    def words(self) -> str:
        """Everything that was asked, as text: no secret may be in it."""
        return "\n".join(
            f"{f.name} {f.args}" for chain in self.queries for f in chain if f.name != "setSecret"
        )


def key(chain: Iterable[Field]) -> Chain:
    """Return what the engine remembers an exec by."""
    return tuple((each.name, repr(sorted(each.args.items(), key=str))) for each in chain)


def query_error(message: str, **extensions: Any) -> dagger.QueryError:
    value = dagger._exceptions.QueryErrorValue(message=message, extensions=extensions)
    return dagger.QueryError([value], gql.gql("{ x }"))


def refuse_processes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the engine start processes: none of the tools is in the module's own container."""
    start = subprocess.Popen

    def popen(*arguments: Any, **more: Any) -> Any:
        if not engine.executing:
            pytest.fail(f"the module started a process of its own: {arguments}")
        return start(*arguments, **more)

    def find_spec(name: str) -> None:
        pytest.fail(f"the module looked for {name} beside itself")

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr("pipeline.servers.postgres.find_spec", find_spec)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine(tmp_path)

    async def execute(context: Context, return_type: Any = None) -> Any:
        return await found.execute(context, return_type)

    async def execute_sync(_context: Context, obj: Any, name: str = "sync", args: Any = ()) -> Any:
        await found.execute(obj._select(name, args), None)
        return obj

    monkeypatch.setattr(Context, "execute", execute)
    monkeypatch.setattr(Context, "execute_sync", execute_sync)
    return found
