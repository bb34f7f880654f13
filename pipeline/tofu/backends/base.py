"""What every place that keeps states can do."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, ClassVar

from pipeline.advice import about_lock
from pipeline.errors import StateLocked
from pipeline.steps.lock import Lock
from pipeline.tofu.stack import Stack

if TYPE_CHECKING:
    from pipeline.deployment import Deployment

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

    async def exists(self, d: "Deployment") -> bool:
        """Tell whether the place is there already."""
        return True

    @abstractmethod
    async def create(self, d: "Deployment") -> str:
        """Make the place, if it is not there: only `deploy` and `migrate-state` do. Return what there is."""

    @abstractmethod
    async def look(self, d: "Deployment") -> str:
        """Return what there is, in words; change nothing.

        Raises:
            PipelineError: the place cannot be used.
        """

    @abstractmethod
    async def lock(self, d: "Deployment", stack: Stack) -> Lock | None:
        """Return the lock that somebody holds."""

    @abstractmethod
    def locked(self, d: "Deployment", stack: Stack, mine: Lock) -> AbstractAsyncContextManager[None]:
        """Hold a lock for the length of a block.

        Raises:
            StateLocked: somebody else holds one.
        """

    @abstractmethod
    async def release(self, d: "Deployment", stack: Stack, found: Lock) -> None:
        """Break this very lock.

        Raises:
            StateLocked: it cannot be broken, or another one is held by now.
        """

    @abstractmethod
    async def leave(self, d: "Deployment", stack: Stack, mine: Lock) -> str:
        """Put away a state that was moved elsewhere, so that nobody takes it for the live one.

        Args:
            d: the deployment.
            stack: whose state.
            mine: the lock that the caller holds.

        Returns:
            Where its last version can still be found.
        """

    def held(self, stack: Stack, found: Lock) -> StateLocked:
        """Return the error that a lock of somebody else means."""
        return StateLocked(f"{stack.name}: the state is locked {found}", about_lock(stack.name, self.name))


def override(backend: Backend, stack: str) -> str | None:
    """Return the text of `backend_override.tf`; None when there must be none."""
    values = backend.block(stack)
    return None if values is None else written(backend, values)


def written(backend: Backend, values: Values) -> str:
    """Return a backend block with these arguments."""
    lines = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in values.items())
    return f'terraform {{\n  backend "{backend.kind}" {{\n{lines}  }}\n}}\n'
