"""A database node that cannot get the image with pgBackRest. Needs Docker."""

import json
from secrets import token_hex
from typing import Any

import pytest
import yaml

from pipeline.errors import ToolError
from pipeline.rehearsal.physical import require_package
from pipeline.rehearsal.swarm import IMAGES
from pipeline.steps.failures import diagnose
from tests.support.ansible_workspace import Workspace, make_workspace
from tests.support.archiving import IMAGE
from tests.support.live import NODES

pytestmark = NODES

PLAYBOOK = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The database's files
      ansible.builtin.include_role: {name: nocodb, tasks_from: data.yml}
    - name: The image
      ansible.builtin.include_role: {name: nocodb, tasks_from: pitr_image.yml}
"""
NOWHERE = "127.0.0.1:9"
"""Port 9 is for a service that discards: nobody listens."""
DB = yaml.safe_load(IMAGES.read_text(encoding="utf-8"))["images"]["db"]


@pytest.fixture(scope="module")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("ansible"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"quickdata_pitr_image": f"{NOWHERE}/none:18.4"}, f"cannot pull {NOWHERE}/none:18.4."),
        (
            {
                "pitr_image": f"localhost/none:{token_hex(4)}",
                "node_environment": {"http_proxy": f"http://{NOWHERE}"},
            },
            "cannot build localhost/none:",
        ),
    ],
    ids=["its registry is away", "the packages of PostgreSQL are away"],
)
def test_an_image_that_cannot_be_had_is_told_with_the_ways_on(
    playbooks: Workspace, given: dict[str, Any], said: str
) -> None:
    (playbooks.path / "ansible/image.yml").write_text(PLAYBOOK)
    done = playbooks.play("image", "-e", json.dumps({"images": {"db": DB}, **given}))
    assert done.exit_code != 0
    error = diagnose("ansible: nocodb.yml", done.exit_code, done.output, "")
    assert "so the new database was not started" in error.what
    assert "quickdata_pitr_image" in error.fix and "`quickdata_pitr: false`" in error.fix
    assert said in error.tail


async def test_a_rehearsal_knows_before_its_nodes_start_whether_the_package_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await require_package(IMAGE)  # its Debian has the package; a stand-in of PostgreSQL's image has none
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{NOWHERE}")
    with pytest.raises(ToolError, match="docker run failed"):
        await require_package(IMAGE)
