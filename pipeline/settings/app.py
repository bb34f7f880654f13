"""The inputs that say how the nodes are made: checked before anything runs, then read by OpenTofu alone."""

import re

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from pipeline.settings.shown import shown

OLDEST_DEBIAN = 12
"""The oldest release that infrastructure/terraform accepts."""
AMI = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
"""Amazon EC2 User Guide, "Resource IDs": 8 or 17 hexadecimal digits."""
ENTRY = re.compile(r'\s*("?)(?P<name>\w+)\1\s*[=:]\s*(?P<value>\S+)\s*')
"""An attribute of an object without objects in it, in HCL or in JSON."""
TYPE = re.compile(r'"[a-z0-9-]+\.[a-z0-9-]+"')
SIZE = re.compile(r"[1-9][0-9]*")
ROLES = ("manager", "database", "worker")
DISKS = ("node", "postgres")


class AppSettings(BaseSettings):
    """How the nodes are made. An empty value means the default of infrastructure/terraform/variables.tf."""

    open_nocodb_port: str = Field("", alias="TF_VAR_open_nocodb_port")
    instance_types: str = Field("", alias="TF_VAR_instance_types")
    disk_gib: str = Field("", alias="TF_VAR_disk_gib")
    debian_release: str = Field("", alias="TF_VAR_debian_release")
    ami_id: str = Field("", alias="TF_VAR_ami_id")

    @property
    def of_nodes(self) -> dict[str, str]:
        """Those that are set, by variable name."""
        given = {str(info.alias): getattr(self, name) for name, info in AppSettings.model_fields.items()}
        return {name: value for name, value in given.items() if value}

    @field_validator("open_nocodb_port")
    @classmethod
    def _port(cls, value: str) -> str:
        if value not in ("", "true", "false"):
            raise ValueError(f"{shown(value)} is not true or false; write one of the two")
        return value

    @field_validator("instance_types")
    @classmethod
    def _types(cls, value: str) -> str:
        if value and not _is_object(value, ROLES, TYPE):
            raise ValueError(
                f"{shown(value)} is not an object with types of EC2 for {', '.join(ROLES)};"
                ' write it like {manager = "t3.small", database = "t3.large"}'
            )
        return value

    @field_validator("disk_gib")
    @classmethod
    def _sizes(cls, value: str) -> str:
        if value and not _is_object(value, DISKS, SIZE):
            raise ValueError(
                f"{shown(value)} is not an object with sizes in GiB for {', '.join(DISKS)};"
                " write it like {node = 20, postgres = 40}"
            )
        return value

    @field_validator("debian_release")
    @classmethod
    def _release(cls, value: str) -> str:
        if value and not (re.fullmatch("[0-9]{2}", value) and int(value) >= OLDEST_DEBIAN):
            raise ValueError(
                f"{shown(value)} is not a release of Debian from {OLDEST_DEBIAN} on;"
                " write its number, such as 13"
            )
        return value

    @field_validator("ami_id")
    @classmethod
    def _image(cls, value: str) -> str:
        if value and not AMI.fullmatch(value):
            raise ValueError(f"{shown(value)} is not the ID of an image; write it like ami-0123456789abcdef0")
        return value


def _is_object(value: str, names: tuple[str, ...], values: re.Pattern[str]) -> bool:
    """Tell whether a value is an object with only these attributes: OpenTofu ignores others without a word.

    Args:
        value: the object in HCL or in JSON.
        names: the attributes that it may have.
        values: the form of every attribute's value.
    """
    entries = [ENTRY.fullmatch(each) for each in value[1:-1].split(",") if each.strip()]
    whole = value.startswith("{") and value.endswith("}") and len(value) > 1
    return whole and all(e and e["name"] in names and values.fullmatch(e["value"]) for e in entries)
