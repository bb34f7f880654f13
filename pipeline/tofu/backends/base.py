"""The operations of every place that keeps states."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from pipeline.advice import about_lock
from pipeline.errors import StateLocked
from pipeline.steps.lock import Lock
from pipeline.tofu.stack import Stack

Values = Mapping[str, str | bool]


class Backend(ABC):
    """A place that keeps the states of both stacks."""

    name: ClassVar[str]
    """The name of this place in `--state`."""
    kind: ClassVar[str]
    """The name of this backend in OpenTofu."""
    env: Mapping[str, str] = {}
    """Plain variables that every step of a stack gets."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that every step of a stack gets."""
    shows_locks: ClassVar[bool] = True
    """Whether a lock can be seen without being taken."""

    @abstractmethod
    def block(self, stack: str) -> Values | None:
        """Return the arguments of a stack's backend block; None if no block is needed."""

    @abstractmethod
    def source(self, stack: str) -> Values | None:
        """Return the arguments with which another stack reads the outputs; None for the defaults."""

    async def exists(self) -> bool:
        """Tell whether the place already exists."""
        return True

    @abstractmethod
    async def create(self) -> str:
        """Create the place if it does not exist, and describe it; only for `deploy` and `migrate-state`."""

    @abstractmethod
    async def look(self) -> str:
        """Describe the place in words; change nothing.

        Raises:
            PipelineError: the place cannot be used.
        """

    @abstractmethod
    async def find_lock(self, stack: Stack) -> Lock | None:
        """Return the lock of a state; None if there is none."""

    @abstractmethod
    def hold_lock(self, stack: Stack, mine: Lock) -> AbstractAsyncContextManager[None]:
        """Hold a lock during a block.

        Raises:
            StateLocked: another run holds the lock.
        """

    @abstractmethod
    async def release(self, stack: Stack, lock: Lock) -> None:
        """Remove exactly this lock.

        Raises:
            StateLocked: the lock cannot be removed, or another run holds a new lock.
        """

    @abstractmethod
    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Retire a state that was moved to another place, so that no run uses it by mistake.

        Args:
            stack: the stack of the state.
            mine: the lock that the caller holds.

        Returns:
            Where the last version of the state can be found.
        """

    def state_locked(self, stack: Stack, lock: Lock) -> StateLocked:
        """Return the error for a lock that another run holds."""
        return StateLocked(f"{stack.name}: the state is locked {lock}", about_lock(stack.name, self.name))


def override_text(backend: Backend, stack: str) -> str | None:
    """Return the text of `backend_override.tf`; None if the file must not exist."""
    values = backend.block(stack)
    return None if values is None else backend_block(backend, values)


def backend_block(backend: Backend, values: Values) -> str:
    """Return a backend block with these arguments."""
    lines = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in values.items())
    return f'terraform {{\n  backend "{backend.kind}" {{\n{lines}  }}\n}}\n'
