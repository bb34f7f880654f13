"""The app of an earlier version stands, though nobody offers its image and its zone any more."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.deploy import planning
from pipeline.errors import ToolError
from pipeline.servers.localstack import LocalStack
from pipeline.states.ready import prepare_stack, pull_state
from pipeline.tofu import plan
from tests.support.by_hand import terminal
from tests.support.stacks import deployment

STATE = Path(__file__).parents[1] / "support/older_app_state.json"
"""Written on LocalStack when AWS still chose the zone: Debian 12, and a zone that would not be chosen now."""
OUTPUTS = {
    "s3_bucket_name": "quickdata-pg-backups-storage-bucket-ppr",
    "s3_bucket_arn": "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr",
    "region": "eu-west-3",
}
INPUTS = {
    "TF_VAR_bucket_suffix": "ppr",
    "TF_VAR_admin_cidr": "203.0.113.7/32",
    "TF_VAR_workers": "1",
    "TF_VAR_debian_release": "99",  # of which there is no image
}


def storage_state() -> str:
    outputs = {name: {"value": value, "type": "string"} for name, value in OUTPUTS.items()}
    state = {"version": 4, "serial": 1, "lineage": "older", "outputs": outputs, "resources": []}
    return json.dumps(state)


def test_nothing_that_an_earlier_version_made_is_replaced_or_deleted(
    tmp_path: Path, localstack: LocalStack
) -> None:
    resources = json.loads(STATE.read_text())["resources"]
    made = next(each for each in resources if each["type"] == "aws_key_pair")
    public = made["instances"][0]["attributes"]["public_key"]
    person = terminal(tmp_path, **localstack.environment, **INPUTS, TF_VAR_ssh_public_key=public)
    (person.infrastructure / "terraS3/terraform.tfstate").write_text(storage_state())
    shutil.copy(STATE, person.infrastructure / "terraform/terraform.tfstate")
    person.run("terraform", person.tofu, "init", "-input=false")
    person.run("terraform", person.tofu, "plan", "-input=false", "-refresh=false", "-out=of.tfplan")
    changes = plan.read(person.run("terraform", person.tofu, "show", "-json", "of.tfplan")).changes
    assert sorted(map(str, changes)) == [
        "create aws_default_security_group.main",
        "create aws_iam_role.recovery",
        "create aws_iam_role_policy.recovery",
        "create aws_iam_role_policy.take_recovery",
        'delete aws_vpc_security_group_ingress_rule.web["8080"]',
    ]


async def test_a_state_of_a_newer_provider_is_refused_and_the_state_before_it_stands_when_put_back(
    workspace: Path, localstack: LocalStack
) -> None:
    d = deployment(workspace, localstack, "ppr")
    folder, before = workspace / "infrastructure", STATE.read_text()
    (folder / "terraS3/terraform.tfstate").write_text(storage_state())
    (folder / "terraform/terraform.tfstate").write_text(written_by_a_newer_provider(before))
    await prepare_stack(d, d.app)
    with pytest.raises(ToolError, match="a newer version of the AWS provider") as caught:
        await planning.make_plan(d, d.app)
    assert "put back the state from before" in caught.value.fix
    (await d.run(d.app.push(before, force=True))).check()
    assert (await pull_state(d, d.app)).resources == tuple(json.loads(before)["resources"])


def written_by_a_newer_provider(text: str) -> str:
    """Return a state as a provider leaves it in which a node's attributes have another form."""
    state = json.loads(text)
    for each in (each for each in state["resources"] if each["type"] == "aws_instance"):
        for instance in each["instances"]:
            instance["schema_version"] += 1
    return json.dumps({**state, "serial": state["serial"] + 1})
