"""The tools that steps call: OpenTofu or Terraform where it is, and its provider from a mirror."""

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
"""The provider that both stacks pin."""
PROVIDER = Path("registry.opentofu.org/hashicorp/aws")
TOFU_BYTES, PROVIDER_BYTES = 120 * 10**6, 710 * 10**6
"""What OpenTofu and the provider come to when they are unpacked."""
SITES = ("/opt/*", "/usr/share/*", "/usr/local/share/*", "~/.terraform.d/plugins")


def this_platform() -> str:
    """Return this machine's platform as OpenTofu names it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def find_tofu() -> Path | None:
    """Return the tofu on PATH, else the terraform, else the one downloaded before."""
    for name in ("tofu", "terraform"):
        if path := shutil.which(name):
            return Path(path)
    cached = cache() / "tofu"
    return cached if cached.exists() else None


def cache() -> Path:
    """Return the directory of the pinned release."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quickdata" / f"tofu-{VERSION}"


def find_provider() -> Path | None:
    """Return a directory that holds an unpacked AWS provider for this machine.

    Looks into QUICKDATA_PROVIDER_MIRROR alone where it is set, else into the usual site directories.

    Raises:
        ToolError: the named mirror has none.
    """
    named = os.environ.get("QUICKDATA_PROVIDER_MIRROR")
    for mirror in [Path(named)] if named else _sites():
        providers = sorted(mirror.glob(f"registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"))
        if providers:
            return providers[-1].resolve()
    if named:
        what = f"{visible(named)} has no registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"
        raise ToolError(what, "name the directory that holds registry.…, or unset QUICKDATA_PROVIDER_MIRROR")
    return None


def downloads(folders: Iterable[Path]) -> Iterator[Need]:
    """Yield the room that is needed for what is not here yet.

    Args:
        folders: the stacks'; each gets a provider of its own where no mirror and no cache has it.

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
                "name a directory that has it in QUICKDATA_PROVIDER_MIRROR",
            )


def _sites() -> Iterable[Path]:
    for site in SITES:
        path = Path(site).expanduser()
        yield from sorted(path.parent.glob("*")) if path.name == "*" else [path]


def provider_environment(into: Path) -> dict[str, str]:
    """Return what tells OpenTofu where its provider is: a mirror, or the cache that the caller has.

    Args:
        into: a directory for the mirror's configuration.
    """
    if provider := find_provider():
        return {"TF_CLI_CONFIG_FILE": str(mirror_configuration(provider, into))}
    cached = os.environ.get("TF_PLUGIN_CACHE_DIR")
    return {"TF_PLUGIN_CACHE_DIR": cached} if cached else {}


def mirror_configuration(provider: Path, into: Path) -> Path:
    """Write a configuration that takes the provider from its directory; return the file.

    Only the leaf may be a symbolic link: one higher up is silently ignored by both tools.

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
    """Return a path as a string of HCL 1, the language of this file, in which `${` would begin a template."""
    return json.dumps(str(path), ensure_ascii=False).replace("${", r"\u0024{")
