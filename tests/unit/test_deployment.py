"""A deployment's steps."""

import json
from dataclasses import replace

from tests.support.noted import Noted
from tests.support.recording import RecordingRunner, deployment


async def test_a_playbooks_warning_is_shown_to_the_user() -> None:
    answer = {"action": "ansible.builtin.debug", "msg": "cloud-init failed on manager."}
    event = {"_event": "v2_runner_on_ok", "hosts": {"manager": answer}}
    d = deployment(RecordingRunner({"ansible: swarm.yml": (0, json.dumps(event))}))
    noted = Noted()
    await replace(d, progress=noted).run(d.ansible.playbook("swarm.yml"))
    assert noted.notes == ["! cloud-init failed on manager."]
