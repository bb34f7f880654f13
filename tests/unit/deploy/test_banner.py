"""The banner: addresses that can be opened, and none that belongs to somebody else."""

import json
from dataclasses import replace

import pytest

from pipeline.deploy.banner import banner
from pipeline.tofu.backends.s3 import S3
from tests.support.recording import BACKUP, OUTPUTS, PROOF, RecordingRunner, deployment, said_by_ansible
from tests.support.verbs import do

PUBLIC = "198.51.100."
HERE = {"manager": {"ansible_host": "10.213.7.10"}, "database": {"ansible_host": "10.213.7.11"}}


def on_aws(**variables: str) -> str:
    d = deployment(RecordingRunner())
    return banner(replace(d, app=replace(d.app, env={**d.app.env, **variables})), OUTPUTS)


@pytest.mark.parametrize("variables", [{}, {"TF_VAR_open_nocodb_port": "false"}])
def test_on_aws_a_tunnel_leads_to_both(variables: dict[str, str]) -> None:
    shown = on_aws(**variables)
    assert "NocoDB          : `quickdata tunnel`, then http://127.0.0.1:8080\n" in shown
    assert "Adminer         : `quickdata tunnel`, then http://127.0.0.1:8081" in shown
    assert PUBLIC not in shown


def test_an_open_port_is_shown_with_its_danger() -> None:
    shown = on_aws(TF_VAR_open_nocodb_port="true")
    assert f"NocoDB          : http://{PUBLIC}2:8080 (passwords cross the Internet in clear)\n" in shown


def test_with_a_domain_nocodb_has_its_own_address() -> None:
    d = replace(deployment(RecordingRunner()), common={"nocodb_domain": "data.example.org"})
    assert "NocoDB          : https://data.example.org\n" in banner(d, OUTPUTS)
    assert "Adminer         : `quickdata tunnel`" in banner(d, OUTPUTS)


def test_the_tunnel_is_that_of_the_place_of_the_states() -> None:
    d = deployment(RecordingRunner())
    elsewhere = replace(d, backend=S3(d.cloud, "states"))
    assert "`quickdata tunnel --state s3`" in banner(elsewhere, OUTPUTS)


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
