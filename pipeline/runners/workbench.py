"""The runner of a deployment's steps, with the OpenTofu that it uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.steps.step import Runner


@dataclass(frozen=True)
class Workbench:
    """The place where a deployment's steps are executed.

    Args:
        runner: executes the steps.
        tofu: OpenTofu's name or path, as the steps see it.
        env: variables for OpenTofu, such as the place of its provider.
    """

    runner: Runner
    tofu: str
    env: Mapping[str, str] = field(default_factory=dict)
