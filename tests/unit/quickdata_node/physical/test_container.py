"""The paths and names that the program and the role share."""

import yaml

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


def test_the_image_keeps_the_tag_and_comes_from_no_registry() -> None:
    name = container.image("registry.example:5000/mirror/postgres:18.4-bookworm")
    assert name == "localhost/quickdata/postgres-pgbackrest:18.4-bookworm"
    assert VARIABLES["nocodb_pitr_image"].startswith("localhost/quickdata/postgres-pgbackrest:{{")
