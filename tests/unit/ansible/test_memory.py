"""The database node's memory holds the services that the stack file places there."""

import re

import yaml

from pipeline.machine.repository import REPOSITORY

NOCODB = REPOSITORY / "infrastructure/ansible/roles/nocodb"
ON_DATABASE = "constraints: [node.labels.role == database]"
LEFT_MIB = 1024
"""For the system, Docker and a backup."""


def limits_on_the_database_node() -> dict[str, int]:
    """Return the memory limits in MiB of the services on the database node, by service."""
    stack = (NOCODB / "templates/stack.yml.j2").read_text(encoding="utf-8")
    memory = yaml.safe_load((NOCODB / "defaults/main.yml").read_text(encoding="utf-8"))["nocodb_memory"]
    services = re.split(r"^  (\w+):$", stack, flags=re.MULTILINE)
    placed = [text for text in services if ON_DATABASE in text]
    names = [name for text in placed for name in re.findall(r"limits: {memory: {{ nocodb_memory.(\w+)", text)]
    assert len(names) == len(placed), "each service there has a limit"
    units = {"M": 1, "G": 1024}
    return {name: int(memory[name][:-1]) * units[memory[name][-1]] for name in names}


def test_the_least_memory_of_the_database_node_holds_the_limits_of_its_services() -> None:
    text = (REPOSITORY / "infrastructure/terraform/instance_types.tf").read_text(encoding="utf-8")
    least = re.search(r"var\.instance_types\.database \? (\d+)", text)
    said = re.search(r"services on the database node sum to ([\d.]+) GiB", text)
    assert least and said
    limits = limits_on_the_database_node()
    assert limits.keys() == {"db", "nocodb"}
    assert sum(limits.values()) == float(said[1]) * 1024
    assert sum(limits.values()) + LEFT_MIB <= int(least[1])
