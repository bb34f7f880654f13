"""Ansible's steps: playbooks, and the commands of the database node, as data."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.errors import ToolError
from pipeline.steps.output import ansible_totals, events, module_words
from pipeline.steps.step import Result, Step

FOLDER = PurePosixPath("infrastructure/ansible")
INVENTORY = FOLDER / "inventory.yml"
PLAYBOOKS = ("swarm.yml", "nocodb.yml", "backup.yml")
"""In their order."""
ANSWER_LIMIT = 10
"""Seconds that a node has to answer when it is only asked whether it is there."""

JSON_LINES: Mapping[str, str] = {
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_DISPLAY_TRACEBACK": "error",  # without it no result says the cause of "Error executing command."
    "ANSIBLE_CONFIG": "ansible.cfg",  # it is not looked for in a folder that all may write to, as GitLab's
}


@dataclass(frozen=True)
class Ansible:
    """Ansible in the folder of the playbooks, with the inventory and vault that its ansible.cfg names.

    Args:
        env: the environment of every step, besides the JSON lines.
        secrets: names of the secrets that every step gets.
        secret_files: names of the secrets that every step gets as files.
    """

    env: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    secret_files: tuple[str, ...] = ()

    def playbook(self, name: str) -> Step:
        """Run one playbook, such as "swarm.yml"."""
        return self._step(f"ansible: {name}", "ansible-playbook", name)

    def scale_nocodb(self, replicas: int) -> Step:
        """Set the number of NocoDB's tasks, and wait until they are healthy, or gone."""
        name = "start NocoDB" if replicas else "stop NocoDB"
        return self._step(name, "ansible-playbook", "scale.yml", "-e", f"nocodb_replicas={replicas}")

    def secrets_fit(self) -> Step:
        """Open the vault, and look whether every secret is in it and usable; no node is asked."""
        return self._step("check: vault", "ansible-playbook", "-i", "localhost,", "check.yml")

    def predict(self, name: str, inventory: str) -> Step:
        """Tell what a playbook would change, and change nothing.

        Args:
            name: the playbook's, such as "swarm.yml".
            inventory: the inventory's path, absolute.
        """
        return self._step(
            f"ansible: {name} --check", "ansible-playbook", "-i", inventory, "--check", "--diff", name
        )

    def ping(self, inventory: str) -> Step:
        """Ask every node of an inventory whether it answers now."""
        module = ("-m", "ansible.builtin.ping", "-T", str(ANSWER_LIMIT))
        return self._step("ansible: ping", "ansible", "-i", inventory, "all", *module)

    def find_data(self, inventory: str = "") -> Step:
        """Look for PostgreSQL's data on the database node.

        Args:
            inventory: another inventory's path, absolute; empty for the one that ansible.cfg names.
        """
        where = "paths={{ data_dir }}/postgresql patterns=PG_VERSION recurse=true depth=3"
        module = ("-m", "ansible.builtin.find", "-a", where)
        return self._step("ansible: data of PostgreSQL", "ansible", *_named(inventory), "databases", *module)

    def on_database(self, name: str, *command: str) -> Step:
        """Run a command on the database node.

        Args:
            name: what users see.
            command: argv on the node; never secrets.
        """
        return self._command(name, "databases", command)

    def on_manager(self, name: str, *command: str, inventory: str = "") -> Step:
        """Run a command on the Swarm's manager, in the same way; `inventory` as in find_data."""
        return self._command(name, "managers", command, inventory)

    def _command(self, name: str, group: str, command: tuple[str, ...], inventory: str = "") -> Step:
        module = ("-m", "ansible.builtin.command", "-a", shlex.join(command))
        return self._step(name, "ansible", *_named(inventory), group, *module)

    def _step(self, name: str, *command: str) -> Step:
        env = {**JSON_LINES, **self.env}
        return Step(name, command, FOLDER, env, self.secrets, self.secret_files, stream="ansible-jsonl")


def _named(inventory: str) -> tuple[str, ...]:
    return ("-i", inventory) if inventory else ()


def failed_task(result: Result) -> str:
    """Return the name of the task that failed in a playbook, and what it says."""
    for event in events(result.stdout):
        if event.get("_event") == "v2_runner_on_failed" and not event.get("ignore_errors"):
            host, answer = next(iter(event["hosts"].items()))
            return f"{event['task']['name']} ({host}): {module_words(answer)}"
    return f"exit code {result.exit_code}"


def printed_text(result: Result, accepted: int = 0) -> str:
    """Return what a command printed on the one node where it ran.

    Args:
        result: of the step that ran it.
        accepted: the exit code, other than 0, with which it ends well too.

    Raises:
        PipelineError: it failed, or ran nowhere.
    """
    for event in events(result.stdout):
        if accepted and event.get("_event") == "v2_runner_on_failed":
            for answer in event["hosts"].values():
                if answer.get("rc") == accepted:
                    return str(answer.get("stdout", ""))
    return str(_answer(result).get("stdout", ""))


def count_matched(result: Result) -> int:
    """Return how many files were found on the one node that was searched.

    Raises:
        PipelineError: it failed, or ran nowhere.
    """
    return int(_answer(result).get("matched", 0))


def _answer(result: Result) -> dict[str, Any]:
    for event in events(result.check().stdout):
        if event.get("_event") == "v2_runner_on_ok":
            for answer in event["hosts"].values():
                return dict(answer)
    raise ToolError(f"{result.step.name}: ran on no node", "deploy the app first")


def count_changed(result: Result) -> int:
    """Return how many tasks of a playbook changed something, on all its hosts.

    Raises:
        ToolError: the playbook ran on no host at all.
    """
    stats: list[dict[str, Any]] = [
        e for e in events(result.stdout) if e.get("_event") == "v2_playbook_on_stats"
    ]
    if not stats or not stats[-1].get("stats"):
        raise ToolError(f"{result.step.name}: no host was configured", "deploy the app first")
    return ansible_totals(stats[-1])["changed"]
