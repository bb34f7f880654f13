"""States in files in the checkout, as in the course."""

import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StateLocked
from pipeline.steps.lock import Lock, read_lock
from pipeline.steps.step import Runner
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.stack import STACKS, Stack

FILE, INFO, MOVED = "terraform.tfstate", ".terraform.tfstate.lock.info", "terraform.tfstate.moved"


@dataclass(frozen=True)
class Local(Backend):
    """The file `terraform.tfstate` in each stack's folder.

    The tools lock it by fcntl, so a lock ends with its process. A file beside the state only names the owner
    of the lock (internal/states/statemgr/filesystem.go of both tools).

    Args:
        runner: reads and writes in the workspace.
    """

    runner: Runner

    name = "local"
    kind = "local"

    def block(self, stack: str) -> None:
        """Return None: without a block, the tools keep the state in this file."""

    def source(self, stack: str) -> None:
        """Return None: by default, the app reads storage's file."""

    async def create(self) -> str:
        """Create nothing: the tools write the files."""
        return await self.look()

    async def look(self) -> str:
        """Return the paths of the files, in words."""
        files = ", ".join(str(folder / FILE) for folder in STACKS.values())
        return f"in files in this checkout ({files})"

    async def find_lock(self, stack: Stack) -> Lock | None:
        """Return the lock of a living process. A file that a dead process left behind does not count."""
        with suppress(FileNotFoundError), self._file(stack).open("rb") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return await self._holder(stack)
        return None

    async def _holder(self, stack: Stack) -> Lock:
        text = await self.runner.read(stack.workdir / INFO)
        with suppress(ValueError):
            return read_lock(json.loads(text or ""))
        return Lock("without an id")

    @asynccontextmanager
    async def hold_lock(self, stack: Stack, mine: Lock) -> AsyncIterator[None]:
        """Lock the file as the tools do; without a file, there is nothing to lock."""
        try:
            file = self._file(stack).open("r+b")
        except FileNotFoundError:
            yield
            return
        with file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise self.state_locked(stack, await self._holder(stack)) from None
            await self.runner.write(stack.workdir / INFO, json.dumps(mine.document()), 0o600)
            try:
                yield
            finally:
                await self.runner.remove(stack.workdir / INFO)

    async def release(self, stack: Stack, lock: Lock) -> None:
        """Refuse: the lock ends with its process."""
        what = f"{stack.name}: a living process holds the lock: {lock}"
        fix = "wait for that process, or end it with SIGINT: this releases the lock"
        raise StateLocked(what, fix)

    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Rename the file; git ignores the new name as well."""
        path = self._file(stack)
        path.rename(path.with_name(MOVED))
        return str(stack.workdir / MOVED)

    def _file(self, stack: Stack) -> Path:
        return Path(self.runner.root / stack.workdir / FILE)
