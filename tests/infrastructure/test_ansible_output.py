"""What a real Ansible says of a failure, read by the pipeline."""

import sys
from pathlib import Path

import pytest

from pipeline.ansible.playbooks import Ansible
from pipeline.errors import ToolError
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner


async def test_a_program_that_is_not_there_is_named_by_a_real_ansible(tmp_path: Path) -> None:
    """What Ansible itself says of it is "Error executing command."."""
    (tmp_path / "infrastructure/ansible").mkdir(parents=True)
    (tmp_path / "infrastructure/ansible/ansible.cfg").touch()
    (tmp_path / "infrastructure/ansible/inventory.yml").write_text(
        "databases: {hosts: {here: {ansible_connection: local, ansible_python_interpreter: "
        "'{{ ansible_playbook_python }}'}}}"
    )
    runner = HostRunner(tmp_path, {}, Progress(), (Path(sys.executable).parent,), tmp_path)
    step = Ansible({"ANSIBLE_INVENTORY": "inventory.yml"}).on_database(
        "probe", "/no/such/My Projects/program"
    )
    with pytest.raises(ToolError, match="No such file or directory: b'/no/such/My Projects/program'"):
        (await runner.run(step)).check()
