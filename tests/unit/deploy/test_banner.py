"""The banner: addresses that can be opened, and none that belongs to somebody else."""

import json
from dataclasses import replace

from pipeline.deploy.banner import banner
from tests.support.recording import BACKUP, OUTPUTS, PROOF, RecordingRunner, deployment, said_by_ansible
from tests.support.verbs import do

PUBLIC = "198.51.100."
HERE = {"manager": {"ansible_host": "10.213.7.10"}, "database": {"ansible_host": "10.213.7.11"}}


def test_on_aws_it_has_the_nodes_public_addresses() -> None:
    shown = banner(deployment(RecordingRunner()), OUTPUTS)
    assert f"NocoDB          : http://{PUBLIC}2:8080\n" in f"{shown}\n"
    assert f"ssh -N -L 8081:127.0.0.1:8081 admin@{PUBLIC}1, then http://127.0.0.1:8081" in shown


def test_on_local_nodes_there_is_nothing_to_open() -> None:
    shown = banner(deployment(RecordingRunner(), real_nodes=False), OUTPUTS)
    assert "NocoDB          : not running: local nodes" in shown
    assert PUBLIC not in shown


def test_on_nodes_in_docker_it_has_their_own_addresses() -> None:
    shown = banner(replace(deployment(RecordingRunner()), hosts=HERE), OUTPUTS)
    assert "NocoDB          : http://10.213.7.11:8080 " in shown
    assert "Adminer         : http://10.213.7.10:8081 " in shown
    assert PUBLIC not in shown


async def test_a_deployment_shows_it_once() -> None:
    notes: list[str] = []
    timed = {"backup": BACKUP, "verify: restore and compare": PROOF}
    answers = {name: (0, said_by_ansible(json.dumps(each | {"seconds": 1}))) for name, each in timed.items()}
    d = deployment(RecordingRunner(answers))
    d.progress.note = notes.append  # type: ignore[method-assign]
    await do("deploy", d)
    assert sum("DB host/service" in each for each in notes) == 1
