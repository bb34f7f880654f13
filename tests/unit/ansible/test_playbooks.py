"""The playbooks by their names."""

import yaml

from pipeline.ansible.playbooks import FOLDER, PLAYBOOKS
from pipeline.machine.repository import REPOSITORY


def test_by_hand_one_playbook_runs_all_of_them_in_their_order() -> None:
    plays = yaml.safe_load((REPOSITORY / FOLDER / "site.yml").read_text())
    assert tuple(play["ansible.builtin.import_playbook"] for play in plays) == PLAYBOOKS
