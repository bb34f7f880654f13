"""The paths and names that the program and the role share."""

import boto3
import yaml
from jinja2 import Template

from pipeline.machine.repository import REPOSITORY
from quickdata_node.physical import container

ROLE = REPOSITORY / "infrastructure/ansible/roles/nocodb"
VARIABLES = yaml.safe_load((ROLE / "vars/main.yml").read_text())


def test_the_role_mounts_the_folders_where_the_program_expects_them() -> None:
    assert VARIABLES["nocodb_pitr_config_on_node"] == container.CONFIG_ON_NODE
    assert VARIABLES["nocodb_pitr_config"] == container.CONFIG_DIRECTORY
    assert VARIABLES["nocodb_pitr_keys_on_node"] == container.KEYS_ON_NODE
    assert VARIABLES["nocodb_pitr_keys"] == container.KEYS_DIRECTORY


def test_pgbackrests_configuration_has_the_programs_stanza_repository_and_keys() -> None:
    lines = (ROLE / "templates/pgbackrest.conf.j2").read_text().splitlines()
    assert f"repo1-path={container.REPOSITORY}" in lines
    assert f"[{container.STANZA}]" in lines
    assert f"repo1-s3-process-cmd={{{{ nocodb_pitr_keys }}}}/{container.KEYS}" in lines
    assert f"{container.REPOSITORY.removeprefix('/')}/" == container.PREFIX


def test_wal_is_never_dropped() -> None:
    lines = (ROLE / "templates/pgbackrest.conf.j2").read_text().splitlines()
    assert not [line for line in lines if line.startswith("archive-push-queue-max")]


def endpoint(region: str) -> str:
    text = Template((ROLE / "templates/pgbackrest.conf.j2").read_text()).render(aws_region=region)
    return next(line for line in text.splitlines() if line.startswith("repo1-s3-endpoint="))


def test_s3_has_another_name_in_china() -> None:
    for region in ("eu-west-3", "us-gov-west-1", "cn-north-1"):
        client = boto3.client("s3", region_name=region, aws_access_key_id="x", aws_secret_access_key="x")
        host = client.meta.endpoint_url.removeprefix("https://")
        assert endpoint(region) == f"repo1-s3-endpoint={host}"
