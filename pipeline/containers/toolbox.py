"""The toolbox: one container with Python, the tools that uv.lock names, and OpenTofu."""

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
    "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",  # pip's own bundle does not know what an engine injects
    "UV_SYSTEM_CERTS": "1",
    "UV_NATIVE_TLS": "1",  # the same, as older versions call it
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_PROJECT_ENVIRONMENT": VENV,
}


@dataclass(frozen=True)
class ToolboxSources:
    """What a toolbox is made of, where it is not the usual.

    Args:
        image: an image with Python 3.11 or newer on Debian.
        tofu_image: an image with /usr/local/bin/tofu.
        tofu_binary: OpenTofu or Terraform itself, instead of an image.
        provider_mirror: a directory with registry.…/hashicorp/aws/VERSION/PLATFORM.
        index_url: a Python package index, without a password in it; the lock's hashes are checked.
    """

    image: str = images.TOOLBOX
    tofu_image: str = images.TOFU
    tofu_binary: "dagger.File | None" = None
    provider_mirror: "dagger.Directory | None" = None
    index_url: str = ""


@dataclass(frozen=True)
class Toolbox:
    """A toolbox that has been made.

    Args:
        dag: Dagger's client.
        container: what the servers and the steps run on.
        sources: what it is made of.
        infrastructure: the folder with both stacks and the playbooks, which a workspace begins with.
    """

    dag: "dagger.Client"
    container: "dagger.Container"
    sources: ToolboxSources
    infrastructure: "dagger.Directory"


def python(
    dag: "dagger.Client", sources: ToolboxSources, locked: "dagger.Directory", *groups: str
) -> "dagger.Container":
    """Return a container with the packages of some of the lock's groups.

    Args:
        dag: Dagger's client.
        sources: where they come from.
        locked: pyproject.toml and uv.lock.
        groups: names of dependency groups, besides what the pipeline itself needs.

    Raises:
        SettingsError: the index's address has a user in it.
    """
    if urlsplit(sources.index_url).username:
        what = "--index-url has a user in it, which would show in every progress"
        raise SettingsError(what, "name an index of this network that asks for none")
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
    """From the addresses that the lock names, or from another index with the lock's versions and hashes."""
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
    """Return the container that all steps and servers run on.

    Args:
        dag: Dagger's client.
        sources: what it is made of.
        locked: pyproject.toml and uv.lock.
        package: this package, whose code starts the servers.

    Raises:
        SettingsError: the named mirror has no provider, or the index's address has a user in it.
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
    """Return what OpenTofu needs to know in the toolbox."""
    if sources.provider_mirror:
        return {"TF_CLI_CONFIG_FILE": TOFU_CONFIGURATION}
    return {} if sources.tofu_binary else {"TF_PLUGIN_CACHE_DIR": PLUGIN_CACHE}


async def _with_provider(container: "dagger.Container", mirror: "dagger.Directory") -> "dagger.Container":
    """Lay the provider down where both tools look, whichever registry's name the mirror has it under."""
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
    raise SettingsError(what, "name the directory that holds registry.…, with the files themselves in it")


def engine_secrets(
    box: Toolbox, values: Mapping[str, str], known: "Mapping[str, dagger.Secret]", run: str
) -> "dict[str, dagger.Secret]":
    """Return the engine's secrets by name: the text of those made here is part of what it remembers by.

    Args:
        box: has the engine's client.
        values: the texts by name.
        known: the caller's own secrets by their texts.
        run: this run's own name.
    """
    return {n: known.get(v) or box.dag.set_secret(f"quickdata-{run}-{n}", v) for n, v in values.items()}


async def with_program(toolbox: "dagger.Container", program: str, package: str) -> "dagger.Container":
    """Return the toolbox with one more of Debian's programs, which a rehearsal does without.

    One exec: the engine would remember an `apt-get update` whose packages are not there any more.

    Args:
        toolbox: may have it already.
        program: what is looked for.
        package: the one that has it.

    Raises:
        PipelineError: it cannot be installed.
    """
    missing, _, _ = await outcome(f"look for {program}", tried(toolbox, "which", program))
    if not missing:
        return toolbox
    return await ask_engine(package, toolbox.with_exec(["sh", "-c", INSTALL, package]).sync())
