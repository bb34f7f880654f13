"""A guard of the node's program, how to remove it, and the test that must then fail."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

BACKUP, RESTORE = "backup-pg.sh", "restore-pg-latest.sh"


class Mutation(NamedTuple):
    """A guard to remove from a copy of the program.

    Args:
        guard: its name on the page of the faults.
        module: the file that holds it.
        text: the guard's code, which the module has once.
        instead: the code to put in its place.
        test: the test that must fail.
        given: the test's parameters.
    """

    guard: str
    module: str
    text: str
    instead: str
    test: Callable[..., None]
    given: Mapping[str, Any] = MappingProxyType({})


PARAMETERS: dict[str, Any] = {
    "mode": 0o640,
    "field": "database_bytes",
    "option": "--id",
    "move": 2,
    "key": "unpacked",
    "name": "TERM",
    "arguments": ("--config", ""),
    "action": "--verify",
    "hours": "0",
    "forged": "CREATE ROLE {role} {shell};\n-- quickdata: create",
}
"""What the parametrized tests get that name no parameters of their own."""


def arguments(mutation: Mutation, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the test of a mutation gets; its fixtures are prepared by the whole program."""
    given = {**PARAMETERS, **mutation.given}
    wanted = inspect.signature(mutation.test).parameters
    return {name: given.get(name) or request.getfixturevalue(name) for name in wanted}


def goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    """Remove the guard from a copy of the program: its test must fail."""
    prepared = arguments(mutation, request)
    request.getfixturevalue("node").mutate(mutation.module, mutation.text, mutation.instead)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        mutation.test(**prepared)


def stays_green(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    """With every guard the same test passes on the same fixtures: only the missing guard makes it fail."""
    mutation.test(**arguments(mutation, request))
