"""The toolbox: one container with Python, the tools in uv.lock, and OpenTofu."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.containers import images
from pipeline.errors import SettingsError
from pipeline.runners.container import ask_engine, outcome, tried
from pipeline.tofu.binary import PROVIDER, PROVIDER_VERSION, this_platform

if TYPE_CHECKING:
    import dagger

UV_VERSION = "0.13.8"
TOFU = "/usr/local/bin/tofu"
CODE = "/opt/quickdata"
VENV = "/opt/venv"
PROVIDERS = f"{CODE}/providers"
TOFU_CONFIGURATION = f"{CODE}/tofu.rc"
PLUGIN_CACHE = "/root/.cache/tofu-plugins"
GROUPS = ("tools", "rehearsal")
INSTALL = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$0"'

ENVIRONMENT = {
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": f"{VENV}/bin:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",  # pip's own bundle lacks the engine's authorities
    "UV_SYSTEM_CERTS": "1",
    "UV_NATIVE_TLS": "1",  # the former name of UV_SYSTEM_CERTS
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_PROJECT_ENVIRONMENT": VENV,
}


@dataclass(frozen=True)
class ToolboxSources:
    """The sources of a toolbox.

    Args:
        image: an image with Python 3.11 or newer on Debian.
        tofu_image: an image with /usr/local/bin/tofu.
        tofu_binary: the OpenTofu or Terraform program, instead of an image.
        provider_mirror: a directory with registry.…/hashicorp/aws/VERSION/PLATFORM.
        index_url: a Python package index, without a password; the hashes in the lock are checked.
    """

    image: str = images.TOOLBOX
    tofu_image: str = images.TOFU
    tofu_binary: "dagger.File | None" = None
    provider_mirror: "dagger.Directory | None" = None
    index_url: str = ""


@dataclass(frozen=True)
class Toolbox:
    """A toolbox.

    Args:
        dag: Dagger's client.
        container: the container in which the servers and the steps run.
        sources: the sources of the container.
        infrastructure: the folder with both stacks and the playbooks, for workspaces.
    """

    dag: "dagger.Client"
    container: "dagger.Container"
    sources: ToolboxSources
    infrastructure: "dagger.Directory"


def python(
    dag: "dagger.Client", sources: ToolboxSources, locked: "dagger.Directory", *groups: str
) -> "dagger.Container":
    """Return a container with the pipeline's packages, and with the packages of dependency groups.

    Args:
        dag: Dagger's client.
        sources: the sources of the container.
        locked: a folder with pyproject.toml and uv.lock.
        groups: the names of the dependency groups.

    Raises:
        SettingsError: the index's address contains a user.
    """
    if urlsplit(sources.index_url).username:
        what = "--index-url contains a user, which the engine would show in its output"
        raise SettingsError(what, "name an index that needs no user")
    container = dag.container().from_(sources.image)
    for name, value in {**ENVIRONMENT, **_index(sources)}.items():
        container = container.with_env_variable(name, value)
    pip = ["pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    container = (
        container.with_exec([*pip, f"uv=={UV_VERSION}"])
        .with_mounted_cache("/root/.cache/uv", dag.cache_volume("quickdata-uv"))
        .with_directory(CODE, locked)
        .with_workdir(CODE)
    )
    for command in _install(sources, *groups):
        container = container.with_exec(command)
    return container


def _index(sources: ToolboxSources) -> dict[str, str]:
    named = {"UV_DEFAULT_INDEX": sources.index_url, "PIP_INDEX_URL": sources.index_url}
    return named if sources.index_url else {}


def _install(sources: ToolboxSources, *groups: str) -> list[list[str]]:
    """Return the commands to install the lock's versions, from the lock's addresses or another index."""
    options = [word for group in groups for word in ("--group", group)]
    if not sources.index_url:
        return [["uv", "sync", "--quiet", "--frozen", "--no-install-project", *options]]
    listed = ["--no-emit-project", *options, "--output-file", "requirements.txt"]
    return [
        ["uv", "export", "--quiet", "--frozen", *listed],
        ["uv", "venv", "--quiet", VENV],
        ["uv", "pip", "install", "--quiet", "--python", VENV, "--require-hashes", "-r", "requirements.txt"],
    ]


async def toolbox(
    dag: "dagger.Client", sources: ToolboxSources, locked: "dagger.Directory", package: "dagger.Directory"
) -> "dagger.Container":
    """Return the container in which all steps and servers run.

    Args:
        dag: Dagger's client.
        sources: the sources of the container.
        locked: a folder with pyproject.toml and uv.lock.
        package: the pipeline's package, whose code starts the servers.

    Raises:
        SettingsError: the named mirror has no provider, or the index's address contains a user.
    """
    container = python(dag, sources, locked, *GROUPS)
    tofu = sources.tofu_binary or dag.container().from_(sources.tofu_image).file(TOFU)
    container = container.with_file(TOFU, tofu, permissions=0o755)
    if sources.provider_mirror:
        container = await _with_provider(container, sources.provider_mirror)
    elif not sources.tofu_binary:  # only OpenTofu locks its cache
        cache = dag.cache_volume("quickdata-tofu-plugins")
        container = container.with_mounted_cache(PLUGIN_CACHE, cache)
    return container.with_directory(f"{CODE}/pipeline", package)


def tofu_environment(sources: ToolboxSources) -> dict[str, str]:
    """Return the variables for OpenTofu in the toolbox."""
    if sources.provider_mirror:
        return {"TF_CLI_CONFIG_FILE": TOFU_CONFIGURATION}
    return {} if sources.tofu_binary else {"TF_PLUGIN_CACHE_DIR": PLUGIN_CACHE}


async def _with_provider(container: "dagger.Container", mirror: "dagger.Directory") -> "dagger.Container":
    """Mount the provider where both tools find it, from the mirror's directory of any registry."""
    leaf = f"hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"
    hosts = [name.rstrip("/") for name in await mirror.entries() if name.startswith("registry.")]
    for host in sorted(hosts, reverse=True):
        if await mirror.exists(f"{host}/{leaf}"):
            source = f'filesystem_mirror {{ path = "{PROVIDERS}" }}\n  direct {{ exclude = ["{PROVIDER}"] }}'
            return container.with_mounted_directory(
                f"{PROVIDERS}/{PROVIDER}/{PROVIDER_VERSION}/{this_platform()}",
                mirror.directory(f"{host}/{leaf}"),
            ).with_new_file(TOFU_CONFIGURATION, f"provider_installation {{\n  {source}\n}}\n")
    what = f"--provider-mirror has no registry.…/{leaf}"
    raise SettingsError(what, "name the directory that contains registry.…, with files and not links in it")


def engine_secrets(
    box: Toolbox, values: Mapping[str, str], known: "Mapping[str, dagger.Secret]", run: str
) -> "dict[str, dagger.Secret]":
    """Return the engine's secrets by name, with the caller's own secrets where the values are the same.

    The text of a new secret is part of the engine's cache key.

    Args:
        box: the toolbox, with the engine's client.
        values: the values by name.
        known: the caller's own secrets by value.
        run: the unique name of this run.
    """
    return {n: known.get(v) or box.dag.set_secret(f"quickdata-{run}-{n}", v) for n, v in values.items()}


async def with_program(toolbox: "dagger.Container", program: str, package: str) -> "dagger.Container":
    """Return the toolbox with another program of Debian, which a rehearsal does not need.

    The installation is one exec: the engine could reuse an old `apt-get update` with outdated packages.

    Args:
        toolbox: the container, which may already have the program.
        program: the name of the program.
        package: the Debian package with the program.

    Raises:
        PipelineError: the package cannot be installed.
    """
    missing, _, _ = await outcome(f"look for {program}", tried(toolbox, "which", program))
    if not missing:
        return toolbox
    return await ask_engine(package, toolbox.with_exec(["sh", "-c", INSTALL, package]).sync())
