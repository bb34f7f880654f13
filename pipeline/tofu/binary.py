"""The tools that steps call: OpenTofu found or downloaded, its providers from a mirror."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from io import BytesIO
from pathlib import Path

from pipeline.errors import ToolError
from pipeline.machine.files import write_whole
from pipeline.machine.network import ask
from pipeline.machine.room import Need
from pipeline.settings.invisible import visible

VERSION = "1.12.6"
RELEASES = "https://github.com/opentofu/opentofu/releases/download"
SHA256 = {
    "linux_amd64": "5dc43da4f750f33873dc25e94587128709e819e544b7be9016b255316153c3a8",
    "linux_arm64": "e573979ba68a17fe7b881752051a694a7efcd970e39521f6a25775197861ed4d",
    "darwin_arm64": "e083ee43790ab9e19ad66d9933e24a7244a1412e1d5728f37999ae2163fdac95",
    "darwin_amd64": "166388e5feed47e107e11721b6366bf91d21e47eccbced75f3cbe0c7184ffd9b",
}
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


def tofu() -> Path:
    """Return OpenTofu or Terraform: the one that is here, else the pinned release, downloaded.

    Raises:
        ToolError: there is none, and it cannot be had.
    """
    return find_tofu() or download_tofu()


def find_tofu() -> Path | None:
    """Return the tofu on PATH, else the terraform, else the one downloaded before."""
    for name in ("tofu", "terraform"):
        if found := shutil.which(name):
            return Path(found)
    cached = cache() / "tofu"
    return cached if cached.exists() else None


def cache() -> Path:
    """Return the directory of the pinned release."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quickdata" / f"tofu-{VERSION}"


def download_tofu(releases: str = RELEASES) -> Path:
    """Download the pinned OpenTofu, check its SHA-256, and put it into the cache.

    Args:
        releases: the URL below which the releases are.

    Raises:
        ToolError: no release for this platform, no network, or another checksum than the pinned one.
    """
    where = this_platform()
    if where not in SHA256:
        raise ToolError(f"there is no pinned OpenTofu for {where}", "install tofu or terraform 1.11 or newer")
    url = f"{releases}/v{VERSION}/tofu_{VERSION}_{where}.zip"
    try:
        with ask(url, 60) as answer:
            archive = answer.read()
    except (OSError, HTTPException) as error:
        mend = "install tofu or terraform 1.11 or newer, or allow that address"
        raise ToolError(f"OpenTofu could not be downloaded from {url}: {error}", mend) from error
    if hashlib.sha256(archive).hexdigest() != SHA256[where]:
        raise ToolError(
            f"{url} is not the pinned release: another SHA-256", "do not use it; tell the maintainers"
        )
    return _unpack(archive)


def _unpack(archive: bytes) -> Path:
    cache().mkdir(parents=True, exist_ok=True)
    lock = os.open(cache(), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in cache().glob(".tofu.*draft"):  # a killed run's: a living one would have the lock
            draft.unlink()
        with zipfile.ZipFile(BytesIO(archive)) as files:
            write_whole(cache() / "tofu", files.read("tofu"), 0o755)
        return cache() / "tofu"
    finally:
        os.close(lock)


def find_provider() -> Path | None:
    """Return a directory that holds an unpacked AWS provider for this machine.

    Looks into QUICKDATA_PROVIDER_MIRROR alone where it is set, else into the usual site directories.

    Raises:
        ToolError: the named mirror has none.
    """
    named = os.environ.get("QUICKDATA_PROVIDER_MIRROR")
    for mirror in [Path(named)] if named else _sites():
        found = sorted(mirror.glob(f"registry.*/hashicorp/aws/{PROVIDER_VERSION}/{this_platform()}"))
        if found:
            return found[-1].resolve()
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
