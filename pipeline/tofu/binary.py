"""Find OpenTofu or Terraform on this machine, and a mirror with the AWS provider."""

import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.errors import ToolError
from pipeline.machine.room import Need
from pipeline.settings.invisible import visible

VERSION = "1.12.6"
PROVIDER_VERSION = "5.100.0"
"""The version of the AWS provider that both stacks pin."""
PROVIDER = Path("registry.opentofu.org/hashicorp/aws")
TOFU_BYTES, PROVIDER_BYTES = 120 * 10**6, 710 * 10**6
"""The bytes of OpenTofu and of the provider after unpacking."""
SITES = ("/opt/*", "/usr/share/*", "/usr/local/share/*", "~/.terraform.d/plugins")


def this_platform() -> str:
    """Return this machine's platform, as OpenTofu names it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def find_tofu() -> Path | None:
    """Return tofu from PATH, else terraform from PATH, else an earlier download."""
    for name in ("tofu", "terraform"):
        if path := shutil.which(name):
            return Path(path)
    cached = cache() / "tofu"
    return cached if cached.exists() else None


def cache() -> Path:
    """Return the directory of the downloaded release."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quickdata" / f"tofu-{VERSION}"


def find_provider() -> Path | None:
    """Return a directory with an unpacked AWS provider for this machine; None if there is none.

    If QUICKDATA_PROVIDER_MIRROR is set, only that mirror is searched; else the usual directories.

    Raises:
        ToolError: the named mirror has no such provider.
    """
    named = os.environ.get("QUICKDATA_PROVIDER_MIRROR")
    for mirror in [Path(named)] if named else _sites():
        providers = sorted(mirror.glob(f"registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"))
        if providers:
            return providers[-1].resolve()
    if named:
        what = f"{visible(named)} has no registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"
        fix = "set QUICKDATA_PROVIDER_MIRROR to the directory that contains registry.…, or unset it"
        raise ToolError(what, fix)
    return None


def downloads(folders: Iterable[Path]) -> Iterator[Need]:
    """Yield the disk space that missing downloads need.

    Args:
        folders: the folders of the stacks; each gets its own provider if no mirror and no cache has it.

    Raises:
        ToolError: the named mirror has no provider.
    """
    if not find_tofu():
        yield Need(cache(), TOFU_BYTES, "for OpenTofu", "set XDG_CACHE_HOME to another directory")
    if find_provider():
        return
    cached = os.environ.get("TF_PLUGIN_CACHE_DIR")
    for place in [Path(cached)] if cached else [folder / ".terraform/providers" for folder in folders]:
        if not list(place.glob(f"registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}")):
            yield Need(
                place,
                PROVIDER_BYTES,
                "for the AWS provider",
                "name a directory with the provider in QUICKDATA_PROVIDER_MIRROR",
            )


def _sites() -> Iterable[Path]:
    for site in SITES:
        path = Path(site).expanduser()
        yield from sorted(path.parent.glob("*")) if path.name == "*" else [path]


def provider_environment(into: Path) -> dict[str, str]:
    """Return the variables that tell OpenTofu where its provider is: in a mirror, or in the caller's cache.

    Args:
        into: a directory for the mirror's configuration.
    """
    if provider := find_provider():
        return {"TF_CLI_CONFIG_FILE": str(mirror_configuration(provider, into))}
    cached = os.environ.get("TF_PLUGIN_CACHE_DIR")
    return {"TF_PLUGIN_CACHE_DIR": cached} if cached else {}


def mirror_configuration(provider: Path, into: Path) -> Path:
    """Write a configuration that uses the provider from its directory; return the file.

    Only the last directory may be a symbolic link: both tools silently ignore a link higher up.

    Args:
        provider: the unpacked provider's directory, …/VERSION/PLATFORM.
        into: a directory for the mirror and the file.
    """
    leaf = into / "mirror" / PROVIDER / provider.parent.name / provider.name
    leaf.parent.mkdir(parents=True, exist_ok=True)
    if not leaf.is_symlink():
        leaf.symlink_to(provider)
    file = into / "tofu.rc"
    source = f"filesystem_mirror {{ path = {_literal(into / 'mirror')} }}"
    file.write_text(f'provider_installation {{\n  {source}\n  direct {{ exclude = ["{PROVIDER}"] }}\n}}\n')
    return file


def _literal(path: Path) -> str:
    """Return a path as a string in HCL 1, the language of this file, where `${` would begin a template."""
    return json.dumps(str(path), ensure_ascii=False).replace("${", r"\u0024{")
