"""The inputs that only infrastructure/terraform reads: it says what is wrong with them, in the first plan."""

from pydantic import Field
from pydantic_settings import BaseSettings


class AppSettings(BaseSettings):
    """What the nodes are. An empty value means the default of infrastructure/terraform/variables.tf."""

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
