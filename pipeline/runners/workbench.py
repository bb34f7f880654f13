"""What executes a deployment's steps: a runner, and the OpenTofu that it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.steps.step import Runner


@dataclass(frozen=True)
class Workbench:
    """Where a deployment's steps are executed.

    Args:
        runner: executes them.
        tofu: OpenTofu's name or path, as the steps see it.
        env: what OpenTofu needs to know there, such as where its provider is.
    """

    runner: Runner
    tofu: str
    env: Mapping[str, str] = field(default_factory=dict)
