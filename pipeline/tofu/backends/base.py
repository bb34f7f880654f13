"""What every place that keeps states can do."""

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
    """As `--state` says it."""
    kind: ClassVar[str]
    """As OpenTofu says it."""
    env: Mapping[str, str] = {}
    """Plain variables of every step of a stack."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that every step of a stack gets."""
    shows_locks: ClassVar[bool] = True
    """Whether a lock can be seen without being taken."""

    @abstractmethod
    def block(self, stack: str) -> Values | None:
        """Return the arguments of a stack's backend block; None when it needs no block."""

    @abstractmethod
    def source(self, stack: str) -> Values | None:
        """Return how another stack reads the outputs; None when it does so by default."""

    async def exists(self) -> bool:
        """Tell whether the place is there already."""
        return True

    @abstractmethod
    async def create(self) -> str:
        """Make the place, if it is not there: only `deploy` and `migrate-state` do. Return what there is."""

    @abstractmethod
    async def look(self) -> str:
        """Return what there is, in words; change nothing.

        Raises:
            PipelineError: the place cannot be used.
        """

    @abstractmethod
    async def find_lock(self, stack: Stack) -> Lock | None:
        """Return the lock that somebody holds."""

    @abstractmethod
    def hold_lock(self, stack: Stack, mine: Lock) -> AbstractAsyncContextManager[None]:
        """Hold a lock for the length of a block.

        Raises:
            StateLocked: somebody else holds one.
        """

    @abstractmethod
    async def release(self, stack: Stack, lock: Lock) -> None:
        """Break this very lock.

        Raises:
            StateLocked: it cannot be broken, or another one is held by now.
        """

    @abstractmethod
    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Put away a state that was moved elsewhere, so that nobody takes it for the live one.

        Args:
            stack: whose state.
            mine: the lock that the caller holds.

        Returns:
            Where its last version can still be found.
        """

    def state_locked(self, stack: Stack, lock: Lock) -> StateLocked:
        """Return the error that a lock of somebody else means."""
        return StateLocked(f"{stack.name}: the state is locked {lock}", about_lock(stack.name, self.name))


def override_text(backend: Backend, stack: str) -> str | None:
    """Return the text of `backend_override.tf`; None when there must be none."""
    values = backend.block(stack)
    return None if values is None else backend_block(backend, values)


def backend_block(backend: Backend, values: Values) -> str:
    """Return a backend block with these arguments."""
    lines = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in values.items())
    return f'terraform {{\n  backend "{backend.kind}" {{\n{lines}  }}\n}}\n'
