"""The module's own options under Dagger: inputs, where they are tried, where the tools come from."""

from dataclasses import dataclass
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore

from pipeline.containers import images
from pipeline.containers.toolbox import ToolboxSources
from pipeline.settings.suffix import BASE_NAME

GENERATED = ["**/.terraform*", "**/*.tfstate*", "**/*override.tf", "**/*.tfplan", "**/inventory.yml"]
GENERATED += ["**/.ansible"]
PRIVATE = ["**/.secrets", "**/.env*", "**/.vault*", "**/vault_pass*", "**/vault-password.txt"]
PRIVATE += ["**/id_rsa*", "**/id_ed25519*"]
UNUSED = ["**/.git", "**/.venv", "**/.tools", "**/__pycache__", "**/.*_cache", "**/.cache", "**/reports"]
UNUSED += ["**/vault.yml", "**/*.tfvars", "**/.gitlab-ci-local", "**/*.pem", "**/*.key"]
UNUSED += ["plan*/**"]
SSH_KEY, WEB_IDENTITY_TOKEN = "QUICKDATA_SSH_KEY", "AWS_WEB_IDENTITY_TOKEN"

VARIABLES = (
    *("bucket_base_name", "bucket_suffix", "admin_cidr", "domain", "workers", "aws_region"),
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
    *("aws_role_arn", "aws_web_identity_token", "ssh_key", "vault_password", "state", "state_passphrase"),
    *("gitlab_url", "gitlab_project", "gitlab_user", "gitlab_pat"),
)
"""The options that stand for a variable each."""

Secret = dagger.Secret | None


@dataclass(kw_only=True)
class Options:
    """What is read from the environment at a terminal; `variable` gives the variables' names.

    Options of the module, not of each verb: the engine asks for the type of every option of every function
    when a call begins.
    """

    bucket_suffix: Annotated[str, Doc("What every resource's name ends with.")] = ""
    admin_cidr: Annotated[str, Doc("Addresses that may reach SSH and NocoDB, such as 203.0.113.7/32.")] = ""
    aws_access_key_id: Annotated[Secret, Doc("Access key's id.")] = None
    aws_secret_access_key: Annotated[Secret, Doc("Access key's secret half.")] = None
    ssh_key: Annotated[Secret, Doc("Private key of the nodes' administrator, without a passphrase.")] = None
    vault_password: Annotated[Secret, Doc("Password of the vault.")] = None
    vault: Annotated[dagger.File | None, Doc("The encrypted vault.yml, if the checkout has none.")] = None
    aws_session_token: Annotated[Secret, Doc("Session token of temporary keys.")] = None
    aws_role_arn: Annotated[str, Doc("Role to assume with the web identity, instead of keys.")] = ""
    aws_web_identity_token: Annotated[Secret, Doc("ID token for that role, such as GitLab's.")] = None
    aws_region: Annotated[str, Doc("AWS region.")] = "eu-west-3"
    state: Annotated[str, Doc("Where the states are kept: s3 or gitlab.")] = "s3"
    state_passphrase: Annotated[Secret, Doc("Passphrase that encrypts the states.")] = None
    gitlab_url: Annotated[str, Doc("The GitLab that keeps the states.")] = ""
    gitlab_project: Annotated[str, Doc("Number or path of the GitLab project.")] = ""
    gitlab_user: Annotated[str, Doc("GitLab user, for the images' registry and the states.")] = ""
    gitlab_pat: Annotated[Secret, Doc("GitLab's personal access token.")] = None
    domain: Annotated[str, Doc("Name under which NocoDB is public; empty: it is not public.")] = ""
    workers: Annotated[int, Doc("Swarm workers beside manager and database.")] = 0
    bucket_base_name: Annotated[str, Doc("What the bucket's name begins with.")] = BASE_NAME

    emulator: Annotated[
        dagger.Service | None,
        Doc("A LocalStack instead of AWS, such as tcp://localhost:4566; the nodes are directories."),
    ] = None
    toolbox_image: Annotated[str, Doc("An image with Python 3.11 on Debian.")] = images.TOOLBOX
    tofu_image: Annotated[str, Doc("An image with /usr/local/bin/tofu.")] = images.TOFU
    tofu_binary: Annotated[dagger.File | None, Doc("OpenTofu or Terraform itself, instead of an image.")] = (
        None
    )
    provider_mirror: Annotated[
        dagger.Directory | None, Doc("A folder that holds registry.*/hashicorp/aws/….")
    ] = None
    index_url: Annotated[str, Doc("A Python package index, without a password in it.")] = ""
    commit: Annotated[str, Doc("The commit that reports name: the module sees no .git.")] = ""
    tool_output: Annotated[bool, Doc("As -v at a terminal: show the tools' own output.")] = False

    infrastructure: Annotated[
        dagger.Directory,
        DefaultPath("/infrastructure"),
        Ignore([*GENERATED, *PRIVATE, "**/__pycache__"]),
        Doc("Both stacks and the playbooks."),
    ]
    locked: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(["**", "!pyproject.toml", "!uv.lock"]),
        Doc("Packages' lock."),
    ]
    package: Annotated[
        dagger.Directory,
        DefaultPath("/pipeline"),
        Ignore(["**/__pycache__"]),
        Doc("The pipeline's code."),
    ]
    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(GENERATED + PRIVATE + UNUSED),
        Doc("The sources that the linters and the unit tests read."),
    ]

    @property
    def sources(self) -> ToolboxSources:
        """Where the toolbox comes from."""
        binary, mirror = self.tofu_binary, self.provider_mirror
        return ToolboxSources(self.toolbox_image, self.tofu_image, binary, mirror, self.index_url)

    @property
    def plain(self) -> dict[str, str]:
        """The values that are not secrets, by the variables' names."""
        given = {variable(name): getattr(self, name) for name in VARIABLES}
        return {name: str(value) for name, value in given.items() if value and isinstance(value, (str, int))}

    @property
    def secrets(self) -> dict[str, dagger.Secret]:
        """The engine's secrets, by the variables' names."""
        given = {variable(name): getattr(self, name) for name in VARIABLES}
        return {name: value for name, value in given.items() if isinstance(value, dagger.Secret)}


def variable(option: str) -> str:
    """Return the name of the environment variable that an option stands for."""
    if option == "bucket_base_name":  # Dagger's command line would cut "s3" in two: --s-3-bucket-base-name
        return "TF_VAR_s3_bucket_base_name"
    if option in ("bucket_suffix", "admin_cidr", "domain", "workers"):
        return f"TF_VAR_{option}"
    if option in ("ssh_key", "state", "state_passphrase"):
        return f"QUICKDATA_{option.upper()}"
    return option.upper()


def option_for_variable(name: str) -> str:
    """Return the option that stands for a variable."""
    for prefix in ("QUICKDATA_", "TF_VAR_s3_", "TF_VAR_"):
        name = name.removeprefix(prefix)
    return f"--{name.lower().replace('_', '-')}"
