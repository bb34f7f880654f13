"""The module's own options under Dagger: the inputs, an emulator, and the sources of the tools."""

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

TERRAFORM = (
    *("bucket_suffix", "admin_cidr", "domain", "workers", "open_nocodb_port"),
    *("instance_types", "disk_gib", "debian_release", "ami_id"),
)
"""The options with the name of their Terraform variable."""
VARIABLES = (
    *TERRAFORM,
    *("bucket_base_name", "aws_region"),
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
    *("aws_role_arn", "aws_web_identity_token", "ssh_key", "vault_password", "state", "state_passphrase"),
    *("gitlab_url", "gitlab_project", "gitlab_user", "gitlab_pat"),
)
"""The options that each replace one variable."""

Secret = dagger.Secret | None


@dataclass(kw_only=True)
class Options:
    """The inputs that a terminal reads from variables; `variable` returns the names of the variables.

    They are options of the module, not of each verb: otherwise the engine would ask for the type of every
    option of every function at the start of a call.
    """

    bucket_suffix: Annotated[str, Doc("Ending of every resource's name, such as ppr.")] = ""
    admin_cidr: Annotated[str, Doc("Address range that may reach SSH, such as 203.0.113.7/32.")] = ""
    aws_access_key_id: Annotated[Secret, Doc("ID of the AWS access key.")] = None
    aws_secret_access_key: Annotated[Secret, Doc("Secret of the AWS access key.")] = None
    ssh_key: Annotated[Secret, Doc("Private SSH key for the nodes, without a passphrase.")] = None
    vault_password: Annotated[Secret, Doc("Password of the vault.")] = None
    vault: Annotated[dagger.File | None, Doc("The encrypted vault.yml, if the checkout has none.")] = None
    aws_session_token: Annotated[Secret, Doc("Session token of temporary keys.")] = None
    aws_role_arn: Annotated[str, Doc("Role to assume with the web identity, instead of keys.")] = ""
    aws_web_identity_token: Annotated[Secret, Doc("ID token for the role, such as GitLab's.")] = None
    aws_region: Annotated[str, Doc("AWS region.")] = "eu-west-3"
    state: Annotated[str, Doc("Where the states are kept: s3 or gitlab.")] = "s3"
    state_passphrase: Annotated[
        Secret, Doc("Passphrase that encrypts the states. Default: no encryption by OpenTofu.")
    ] = None
    gitlab_url: Annotated[str, Doc("Address of the GitLab that keeps the states.")] = ""
    gitlab_project: Annotated[str, Doc("ID or path of the GitLab project.")] = ""
    gitlab_user: Annotated[str, Doc("GitLab user, for the container registry and the states.")] = ""
    gitlab_pat: Annotated[Secret, Doc("Personal access token of the GitLab user.")] = None
    domain: Annotated[str, Doc("Public host name of NocoDB. Default: NocoDB is not public.")] = ""
    workers: Annotated[int, Doc("Number of Swarm workers besides manager and database.")] = 0
    open_nocodb_port: Annotated[
        str, Doc("true: admin-cidr reaches NocoDB's port, without encryption. Default: false.")
    ] = ""
    instance_types: Annotated[str, Doc("Types of EC2, such as '{database = \"t3.large\"}'.")] = ""
    disk_gib: Annotated[str, Doc("Sizes of disks in GiB, such as '{postgres = 40}'.")] = ""
    debian_release: Annotated[str, Doc("Debian's release on nodes that are created. Default: 13.")] = ""
    ami_id: Annotated[str, Doc("Image of nodes that are created. Default: Debian's newest.")] = ""
    bucket_base_name: Annotated[str, Doc("Beginning of the bucket's name.")] = BASE_NAME

    emulator: Annotated[
        dagger.Service | None,
        Doc("A LocalStack instead of AWS, such as tcp://localhost:4566; nodes are then directories."),
    ] = None
    toolbox_image: Annotated[str, Doc("An image with Python 3.11 on Debian.")] = images.TOOLBOX
    tofu_image: Annotated[str, Doc("An image with /usr/local/bin/tofu.")] = images.TOFU
    tofu_binary: Annotated[
        dagger.File | None, Doc("The OpenTofu or Terraform program, instead of an image.")
    ] = None
    provider_mirror: Annotated[
        dagger.Directory | None,
        Doc("A folder with registry.*/hashicorp/aws/…. Default: download the provider."),
    ] = None
    index_url: Annotated[
        str, Doc("Address of a Python package index, without a password. Default: PyPI.")
    ] = ""
    commit: Annotated[str, Doc("The commit for the report, because the module cannot read .git.")] = ""
    tool_output: Annotated[bool, Doc("Show the output of the tools, like -v at a terminal.")] = False

    infrastructure: Annotated[
        dagger.Directory,
        DefaultPath("/infrastructure"),
        Ignore([*GENERATED, *PRIVATE, "**/__pycache__"]),
        Doc("The folder with both stacks and the playbooks."),
    ]
    locked: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(["**", "!pyproject.toml", "!uv.lock"]),
        Doc("The lock of the Python packages."),
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
        Doc("The sources for the linters and the unit tests."),
    ]

    @property
    def sources(self) -> ToolboxSources:
        """The sources of the toolbox."""
        binary, mirror = self.tofu_binary, self.provider_mirror
        return ToolboxSources(self.toolbox_image, self.tofu_image, binary, mirror, self.index_url)

    @property
    def plain(self) -> dict[str, str]:
        """The values that are not secrets, by variable name."""
        given = {variable(name): getattr(self, name) for name in VARIABLES}
        return {name: str(value) for name, value in given.items() if value and isinstance(value, (str, int))}

    @property
    def secrets(self) -> dict[str, dagger.Secret]:
        """The engine's secrets, by variable name."""
        given = {variable(name): getattr(self, name) for name in VARIABLES}
        return {name: value for name, value in given.items() if isinstance(value, dagger.Secret)}


def variable(option: str) -> str:
    """Return the name of the environment variable that an option replaces."""
    if option == "bucket_base_name":  # Dagger's command line would split "s3": --s-3-bucket-base-name
        return "TF_VAR_s3_bucket_base_name"
    if option in TERRAFORM:
        return f"TF_VAR_{option}"
    if option in ("ssh_key", "state", "state_passphrase"):
        return f"QUICKDATA_{option.upper()}"
    return option.upper()


def option_for_variable(name: str) -> str:
    """Return the option that replaces a variable."""
    for prefix in ("QUICKDATA_", "TF_VAR_s3_", "TF_VAR_"):
        name = name.removeprefix(prefix)
    return f"--{name.lower().replace('_', '-')}"
