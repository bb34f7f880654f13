"""Physical backups in a rehearsal on a Swarm: whether the checkout takes them, and from which image."""

from typing import Any

import yaml

from pipeline.ansible.playbooks import FOLDER
from pipeline.deploy.upgrade import PITR_BUILT, PITR_IMAGE
from pipeline.errors import SettingsError
from pipeline.machine.network import DIRECT, PROXIES
from pipeline.machine.repository import REPOSITORY
from pipeline.servers.docker import docker, inspect_images

VARIABLES = tuple(REPOSITORY / FOLDER / "group_vars/all" / name for name in ("images.yml", "main.yml"))
"""The files that may set the variables. Ansible reads them in this order, and the last value counts."""
PACKAGE = (
    "apt-get -qq -o APT::Update::Error-Mode=any -o Acquire::http::Timeout=20 update"
    " && apt-get -qq satisfy --simulate 'ca-certificates, pgbackrest (>= 2.58)'"
)
"""Fails if the packages of roles/nocodb/files/pgbackrest.Dockerfile cannot be had. It installs nothing."""
BY_PROXY = tuple(f"--env={case}" for name in (*PROXIES[:2], DIRECT) for case in (name, name.lower()))
"""The names of variables that a container gets; argv has no values."""


class _Reader(yaml.SafeLoader):
    """Reads a file with tags of Ansible, such as !vault; their values are None."""


_Reader.add_constructor(None, lambda *_: None)


def are_off() -> bool:
    """Tell whether the checkout turns physical backups off.

    Raises:
        SettingsError: a file of the variables cannot be read.
    """
    return str(_read().get("quickdata_pitr")).lower() == "false"


def named_image() -> str:
    """Return the image with pgBackRest that the checkout names; empty if the database node builds it."""
    return "" if are_off() else str(_read().get(PITR_IMAGE) or "")


def _read() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in VARIABLES:
        try:
            found |= yaml.load(file.read_text(encoding="utf-8"), _Reader) or {}  # noqa: S506 - a SafeLoader
        except (yaml.YAMLError, TypeError, ValueError, OSError) as error:
            raise SettingsError(f"{file} cannot be read", "restore the file from git") from error
    return found


async def find_image(db: str) -> str:
    """Return the image of the database that this machine has for the node: with pgBackRest, if it has one.

    Args:
        db: the name of PostgreSQL's image.
    """
    ready = named_image() or f"{PITR_BUILT}{db.rpartition(':')[2]}"
    return db if are_off() or ready not in await inspect_images((ready,)) else ready


async def require_package(db: str) -> None:
    """Make sure that the database node can get what its image needs. It asks from this machine.

    Args:
        db: the name of PostgreSQL's image, which this machine has.

    Raises:
        ToolError: the package of pgBackRest cannot be had.
    """
    await docker("run", "--rm", "--network=host", *BY_PROXY, "--entrypoint=sh", db, "-c", PACKAGE)
