"""The configuration beside the playbooks counts, wherever a checkout lies."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from pipeline.ansible.playbooks import FOLDER, Ansible
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner


async def test_it_is_read_in_a_folder_that_everybody_may_write_to(tmp_path: Path) -> None:
    """GitLab's runners make their checkouts so, and Ansible then looks for no configuration."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / FOLDER / "ansible.cfg", folder)
    folder.chmod(0o777)
    command = ("ansible-config", "dump", "--only-changed")
    step = replace(Ansible({}).secrets_fit(), command=command, stream="text")
    said = (await HostRunner(tmp_path, {}, Progress(), (Path(sys.executable).parent,)).run(step)).check()
    assert f"CONFIG_FILE() = {folder}/ansible.cfg\n" in said.stdout
    assert f"['{folder}/inventory.yml']" in said.stdout
