"""States in files of the checkout, as in the course."""

import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline.errors import StateLocked
from pipeline.steps.lock import Lock, parsed
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.stack import Stack

if TYPE_CHECKING:
    from pipeline.deployment import Deployment

FILE, INFO, MOVED = "terraform.tfstate", ".terraform.tfstate.lock.info", "terraform.tfstate.moved"


@dataclass(frozen=True)
class Local(Backend):
    """The file `terraform.tfstate` in each stack's folder.

    The tools lock it by fcntl, so a lock goes with the process that holds it, and only says in a file beside
    it whose it is (internal/states/statemgr/filesystem.go of both tools).
    """

    name = "local"
    kind = "local"

    def block(self, stack: str) -> None:
        """Without a block the tools keep the state here."""

    def source(self, stack: str) -> None:
        """The app looks for storage's file by default."""

    async def create(self, d: "Deployment") -> str:
        """There is nothing to make: the tools write the files."""
        return await self.look(d)

    async def look(self, d: "Deployment") -> str:
        """Return where the files are."""
        return f"in files of this checkout ({d.storage.workdir / FILE}, {d.app.workdir / FILE})"

    async def lock(self, d: "Deployment", stack: Stack) -> Lock | None:
        """Return the lock of a living process; what a dead one left beside the file is none."""
        with suppress(FileNotFoundError), _file(d, stack, "rb") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return await self._holder(d, stack)
        return None

    async def _holder(self, d: "Deployment", stack: Stack) -> Lock:
        text = await d.runner.read(stack.workdir / INFO)
        with suppress(ValueError):
            return parsed(json.loads(text or ""))
        return Lock("without an id")

    @asynccontextmanager
    async def locked(self, d: "Deployment", stack: Stack, mine: Lock) -> AsyncIterator[None]:
        """Hold the file as the tools do; where there is no file, there is nothing to hold."""
        try:
            file = _file(d, stack, "r+b")
        except FileNotFoundError:
            yield
            return
        with file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise self.held(stack, await self._holder(d, stack)) from None
            await d.runner.write(stack.workdir / INFO, json.dumps(mine.document()), 0o600)
            try:
                yield
            finally:
                await d.runner.remove(stack.workdir / INFO)

    async def release(self, d: "Deployment", stack: Stack, found: Lock) -> None:
        """Refuse: it goes with its process."""
        what = f"{stack.name}: the lock is held by a living process: {found}"
        raise StateLocked(what, "wait for that process, or end it with SIGINT: its lock goes with it")

    async def leave(self, d: "Deployment", stack: Stack, mine: Lock) -> str:
        """Rename the file; git ignores the new name too."""
        path = _path(d, stack)
        path.rename(path.with_name(MOVED))
        return str(stack.workdir / MOVED)


LOCAL = Local()


def _path(d: "Deployment", stack: Stack) -> Path:
    return Path(d.runner.root / stack.workdir / FILE)


def _file(d: "Deployment", stack: Stack, mode: str) -> IO[bytes]:
    return _path(d, stack).open(mode)
