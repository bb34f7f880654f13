"""The options under Dagger that verbs do not declare: inputs, an emulator, what is shown."""

from dataclasses import dataclass, fields
from typing import Annotated

import dagger
from dagger import Doc, Name

from pipeline.settings.suffix import BASE_NAME

SSH_KEY, WEB_IDENTITY_TOKEN = "QUICKDATA_SSH_KEY", "AWS_WEB_IDENTITY_TOKEN"

Secret = dagger.Secret | None


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read from the environment at a terminal; `variable` gives the variables' names."""

    bucket_base_name: Annotated[str, Doc("What the bucket's name begins with.")] = BASE_NAME
    bucket_suffix: Annotated[str, Doc("What every resource's name ends with.")] = ""
    admin_cidr: Annotated[str, Doc("Addresses that may reach SSH and NocoDB, such as 203.0.113.7/32.")] = ""
    domain: Annotated[str, Doc("Name under which NocoDB is served to the world; empty: it is not.")] = ""
    workers: Annotated[int, Doc("Swarm workers beside manager and database.")] = 0
    aws_region: Annotated[str, Doc("AWS region.")] = "eu-west-3"
    aws_access_key_id: Annotated[Secret, Doc("Access key's id.")] = None
    aws_secret_access_key: Annotated[Secret, Doc("Access key's secret half.")] = None
    aws_session_token: Annotated[Secret, Doc("Session token of temporary keys.")] = None
    aws_role_arn: Annotated[str, Doc("Role to assume with the web identity, instead of keys.")] = ""
    aws_web_identity_token: Annotated[Secret, Doc("ID token for that role, such as GitLab's.")] = None
    ssh_key: Annotated[Secret, Doc("Private key of the nodes' administrator, without a passphrase.")] = None
    vault: Annotated[dagger.File | None, Doc("The encrypted vault.yml, if the checkout has none.")] = None
    vault_password: Annotated[Secret, Doc("Password of the vault.")] = None
    state: Annotated[str, Doc("Where the states are kept: s3 or gitlab.")] = "s3"
    state_passphrase: Annotated[Secret, Doc("Passphrase that encrypts the states.")] = None
    gitlab_url: Annotated[str, Doc("The GitLab that keeps the states.")] = ""
    gitlab_project: Annotated[str, Doc("Its project's number or path.")] = ""
    gitlab_user: Annotated[str, Doc("GitLab user, for the images' registry and the states.")] = ""
    gitlab_pat: Annotated[Secret, Doc("GitLab's personal access token.")] = None

    @property
    def plain(self) -> dict[str, str]:
        """The values that are no secrets, by the variables' names."""
        given = {variable(each.name): getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in given.items() if value and isinstance(value, (str, int))}

    @property
    def secrets(self) -> dict[str, dagger.Secret]:
        """The engine's secrets, by the variables' names."""
        given = {variable(each.name): getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in given.items() if isinstance(value, dagger.Secret)}


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a call shows."""

    verbose: Annotated[bool, Doc("Show what the tools themselves print."), Name("toolOutput")] = False


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Where a deployment is tried: with the same options, states and plans, and nothing real."""

    emulator: Annotated[
        dagger.Service | None,
        Doc("A LocalStack instead of AWS, such as tcp://localhost:4566; the nodes are directories."),
    ] = None


def variable(option: str) -> str:
    """Return the name of the environment variable that an option stands for."""
    if option == "bucket_base_name":  # Dagger's command line would cut "s3" in two: --s-3-bucket-base-name
        return "TF_VAR_s3_bucket_base_name"
    if option in ("bucket_suffix", "admin_cidr", "domain", "workers"):
        return f"TF_VAR_{option}"
    if option in ("ssh_key", "state", "state_passphrase"):
        return f"QUICKDATA_{option.upper()}"
    return option.upper()


def option_of(name: str) -> str:
    """Return the option that stands for a secret's variable."""
    return f"--{name.removeprefix('QUICKDATA_').lower().replace('_', '-')}"
