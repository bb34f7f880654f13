"""Verbs called on a deployment that a test has made, and the commands that the console makes of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from pipeline.cli.command import command
from pipeline.deploy.agreement import Agree, note_agreement, refuse
from pipeline.deployment import Deployment
from pipeline.verbs import NAMES, verb
from pipeline.verbs.call import Form

COMMANDS = {name: command(name) for name in NAMES}


@dataclass
class OnDeployment:
    """A call on this very deployment, of an operator who says yes."""

    d: Deployment
    answers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    exit_code: int = 0

    def __post_init__(self) -> None:
        self.progress, self.report = self.d.progress, self.d.report

    async def read(self, _kind: object, **_given: str) -> SimpleNamespace:
        return SimpleNamespace(title=f"{self.d.suffix} in {self.d.cloud.region}")

    @asynccontextmanager
    async def deployment(self, _settings: object = None) -> AsyncIterator[Deployment]:
        yield self.d

    def answer(self, text: str, _form: Form = "txt") -> None:
        self.answers.append(text)

    def require_answer(self, _yes: bool) -> None:
        pass

    async def confirm(self, question: str, _yes: bool, shown: str = "") -> None:
        self.asked += [shown, question]

    def agreement(self, yes: bool) -> Agree:
        return note_agreement if yes else refuse


async def do(name: str, d: Deployment, *values: Any, **options: Any) -> Sequence[str]:
    """Do a verb's work on a deployment; return what was asked."""
    call = OnDeployment(d)
    await verb(name)(call, *values, **options)
    return call.asked
