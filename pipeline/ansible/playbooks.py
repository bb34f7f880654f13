"""The steps of Ansible: playbooks, and commands on the nodes, as data."""

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
"""The playbooks of a deployment, in order."""
SHOWN_SERVICES: Mapping[str, str] = {"nocodb": "NocoDB", "db": "the database"}
"""The services that are stopped and started, by their name in the stack."""
ANSWER_LIMIT = 10
"""How many seconds a ping waits for a node's answer."""

JSON_LINES: Mapping[str, str] = {
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_DISPLAY_TRACEBACK": "error",  # without it, "Error executing command." has no cause
    "ANSIBLE_CONFIG": "ansible.cfg",  # Ansible ignores the file in a world-writable folder, such as GitLab's
}


@dataclass(frozen=True)
class Ansible:
    """Ansible in the folder of the playbooks, with the inventory and the vault of its ansible.cfg.

    Args:
        env: the variables of every step, besides JSON_LINES.
        secrets: names of the secrets that every step gets.
        secret_files: names of the secrets that every step gets as files.
    """

    env: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    secret_files: tuple[str, ...] = ()

    def playbook(self, name: str) -> Step:
        """Run one playbook, such as "swarm.yml"."""
        return self._step(f"ansible: {name}", "ansible-playbook", name)

    def scale(self, service: str, replicas: int) -> Step:
        """Set the number of a service's tasks, and wait until they are healthy, or gone.

        Args:
            service: the service's name in the stack, such as nocodb.
            replicas: 0 or 1.
        """
        name = f"{'start' if replicas else 'stop'} {SHOWN_SERVICES[service]}"
        given = ("-e", f"nocodb_service={service}", "-e", f"nocodb_replicas={replicas}")
        return self._step(name, "ansible-playbook", "scale.yml", *given)

    def secrets_fit(self) -> Step:
        """Decrypt the vault, and check that it has every secret and that each is valid. No node is used."""
        return self._step("check: vault", "ansible-playbook", "-i", "localhost,", "check.yml")

    def predict(self, name: str, inventory: str) -> Step:
        """Predict what a playbook would change, and change nothing.

        Args:
            name: the playbook's name, such as "swarm.yml".
            inventory: the absolute path of the inventory.
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
            inventory: the absolute path of another inventory; empty means the one in ansible.cfg.
        """
        where = "paths={{ data_dir }}/postgresql patterns=PG_VERSION recurse=true depth=3"
        module = ("-m", "ansible.builtin.find", "-a", where)
        return self._step("ansible: data of PostgreSQL", "ansible", *_named(inventory), "databases", *module)

    def on_database(self, name: str, *command: str) -> Step:
        """Run a command on the database node.

        Args:
            name: the name of the step, which users see.
            command: argv on the node; never secrets.
        """
        return self._command(name, "databases", command)

    def on_manager(self, name: str, *command: str, inventory: str = "") -> Step:
        """Run a command on the Swarm's manager; the arguments are those of on_database and find_data."""
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
    """Return the name of a playbook's failed task, and its message."""
    for event in events(result.stdout):
        if event.get("_event") == "v2_runner_on_failed" and not event.get("ignore_errors"):
            host, answer = next(iter(event["hosts"].items()))
            return f"{event['task']['name']} ({host}): {module_words(answer)}"
    return f"exit code {result.exit_code}"


def printed_text(result: Result, accepted: int = 0) -> str:
    """Return the output of a command on the one node where it ran.

    Args:
        result: the result of the step.
        accepted: an exit code besides 0 that means success.

    Raises:
        PipelineError: the command failed, or ran on no node.
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
        PipelineError: the search failed, or ran on no node.
    """
    return int(_answer(result).get("matched", 0))


def _answer(result: Result) -> dict[str, Any]:
    for event in events(result.check().stdout):
        if event.get("_event") == "v2_runner_on_ok":
            for answer in event["hosts"].values():
                return dict(answer)
    raise ToolError(f"{result.step.name}: the command ran on no node", "deploy the app first")


def count_changed(result: Result) -> int:
    """Return how many tasks of a playbook changed something, on all its hosts.

    Raises:
        ToolError: the playbook ran on no host.
    """
    stats: list[dict[str, Any]] = [
        e for e in events(result.stdout) if e.get("_event") == "v2_playbook_on_stats"
    ]
    if not stats or not stats[-1].get("stats"):
        raise ToolError(f"{result.step.name}: no host was configured", "deploy the app first")
    return ansible_totals(stats[-1])["changed"]
