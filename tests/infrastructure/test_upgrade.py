"""What an upgrade asks of the nodes, answered by a real Ansible."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.ansible.playbooks import Ansible, count_matched
from pipeline.deploy.upgrade import IMAGES, Upgrade, look
from pipeline.steps.step import Result
from tests.support.ansible_workspace import ANSIBLE, Workspace
from tests.support.recording import RecordingRunner, deployment

NEWER = {"db": "postgres:18.5-bookworm", "nocodb": "nocodb/nocodb:0.302.0", "adminer": "adminer:5.5.0"}


@pytest.mark.parametrize(("made", "found"), [("postgresql/18/docker/PG_VERSION", 1), ("nothing", 0)])
def test_the_database_node_tells_whether_it_has_data(
    playbooks: Workspace, tmp_path: Path, made: str, found: int
) -> None:
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).touch()
    kept = tmp_path / "inventory.yml"  # as `plan` has one
    kept.write_text((playbooks.path / "ansible/inventory.yml").read_text())
    step = Ansible({}).find_data(str(kept))
    done = playbooks.command(*step.command, "-e", f"data_dir={tmp_path}", **step.env)
    assert count_matched(Result(step, done.exit_code, done.output, "", 0)) == found


async def test_what_the_playbook_writes_is_what_images_yml_names(playbooks: Workspace) -> None:
    assert playbooks.play("nocodb").exit_code == 0
    runner, rendered = RecordingRunner(), playbooks.node("manager", "opt/quickdata/stack.yml")
    runner.files[str(rendered)] = rendered.read_text()
    runner.files[str(IMAGES)] = (ANSIBLE / "group_vars/all/images.yml").read_text()
    hosts = {"manager": {"node_prefix": str(playbooks.node("manager", ""))}}
    d = replace(deployment(runner, real_nodes=False), hosts=hosts)
    assert await look(d) == Upgrade()
    runner.files[str(IMAGES)] = yaml.safe_dump({"images": NEWER})
    assert len((await look(d)).images) == 2
