"""The steps of a stack: commands of OpenTofu or Terraform, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from pipeline.steps.output import Stream
from pipeline.steps.step import Step

STACKS: Mapping[str, PurePosixPath] = {
    "storage": PurePosixPath("infrastructure/terraS3"),
    "app": PurePosixPath("infrastructure/terraform"),
}
"""Both stacks by name, with their folders in the workspace."""

CHANGES = 2
"""The exit code of `plan -detailed-exitcode` if the plan has changes."""

AUTOMATION: Mapping[str, str] = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


@dataclass(frozen=True)
class Stack:
    """One OpenTofu root with its own state.

    Args:
        name: "storage" or "app".
        workdir: the root's folder, relative to the workspace.
        binary: the tool's name or path.
        env: the variables of every step, besides AUTOMATION.
        secrets: names of the secrets that every step gets.
        place: where its state is kept, as a value of `--state`.
    """

    name: str
    workdir: PurePosixPath
    binary: str
    env: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    place: str = "local"

    def init(self, *options: str) -> Step:
        """Make the folder ready: install providers, and set up the backend.

        Args:
            options: `-reconfigure` uses the written backend and ignores an earlier one; `-upgrade` does the
                same with the providers' versions in the lock file.
        """
        return self._step("init", "init", "-no-color", *options)

    def plan(self, out: str, *targets: str, destroy: bool = False) -> Step:
        """Save a plan; exit code 2 means that it has changes.

        Args:
            out: the plan's file, absolute or in the stack's folder.
            targets: addresses to which the plan is limited.
            destroy: plan the removal instead.
        """
        options = [f"-target={address}" for address in targets] + ["-destroy"] * destroy
        words = ("plan", "-json", "-detailed-exitcode", f"-out={out}", *options)
        name = f"plan of {len(targets)} targets" if len(targets) > 1 else f"plan {' '.join(options)}".strip()
        return self._step(name, *words, stream="tofu-json")

    def forecast(self, out: str) -> Step:
        """Save a plan that is only shown; the state is not locked. Exit code 2 means that it has changes.

        Args:
            out: the plan's file, absolute or in the stack's folder.
        """
        words = ("plan", "-json", "-detailed-exitcode", "-lock=false", f"-out={out}")
        return self._step("forecast", *words, stream="tofu-json")

    def show(self, plan: str) -> Step:
        """Print a saved plan as JSON, with sensitive values: never show this output."""
        return self._step("read plan", "show", "-json", plan, private=True)

    def apply(self, plan: str) -> Step:
        """Apply a saved plan; there is no other apply."""
        return replace(self._step("apply", "apply", "-json", plan, stream="tofu-json"), creates=True)

    def untaint(self, address: str) -> Step:
        """Keep a resource whose creation was interrupted, so that it is updated, not replaced."""
        return self._step(f"untaint {address}", "untaint", "-no-color", address)

    def state(self) -> Step:
        """Print the whole state as JSON; print nothing if there is none yet."""
        return self._step("state", "state", "pull", private=True)

    def push(self, text: str, force: bool = False) -> Step:
        """Write a whole state.

        Args:
            text: the state, as `state pull` printed it.
            force: overwrite even another lineage or a newer serial, which the tool otherwise refuses.
        """
        words = ("state", "push", *["-force"] * force, "-")
        return replace(self._step("state push", *words, private=True), stdin=text)

    def output(self) -> Step:
        """Print the state's outputs as JSON."""
        return self._step("outputs", "output", "-json", private=True)

    def _step(self, name: str, *words: str, stream: Stream = "text", private: bool = False) -> Step:
        env = {**AUTOMATION, **self.env}
        command = (self.binary, *words)
        name = f"{self.name}: {name}"
        more: dict[str, Any] = {"stream": stream, "private": private, "state": self.place}
        return Step(name, command, self.workdir, env, self.secrets, **more)
