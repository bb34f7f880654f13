"""Download the pinned OpenTofu, if this machine has neither OpenTofu nor Terraform."""

import fcntl
import hashlib
import os
import re
import zipfile
from io import BytesIO
from pathlib import Path

from pipeline.errors import ToolError
from pipeline.machine.files import DRAFT, write_whole
from pipeline.machine.http_request import ask
from pipeline.tofu import binary

RELEASES = "https://github.com/opentofu/opentofu/releases/download"
SHA256 = {
    "linux_amd64": "5dc43da4f750f33873dc25e94587128709e819e544b7be9016b255316153c3a8",
    "linux_arm64": "e573979ba68a17fe7b881752051a694a7efcd970e39521f6a25775197861ed4d",
    "darwin_arm64": "e083ee43790ab9e19ad66d9933e24a7244a1412e1d5728f37999ae2163fdac95",
    "darwin_amd64": "166388e5feed47e107e11721b6366bf91d21e47eccbced75f3cbe0c7184ffd9b",
}
ANSWER_SECONDS = 60.0


def find_or_download_tofu() -> Path:
    """Return OpenTofu or Terraform from this machine, else download the pinned OpenTofu.

    Raises:
        ToolError: there is none here, and the download failed.
        SettingsError: the proxy in the environment is not an HTTP proxy.
    """
    return binary.find_tofu() or download_tofu()


def download_tofu(releases: str = RELEASES) -> Path:
    """Download the pinned OpenTofu, check its SHA-256, and put it into the cache.

    Args:
        releases: the base URL of the releases.

    Raises:
        ToolError: there is no release for this platform, the download failed, or the checksum is wrong.
        SettingsError: the proxy in the environment is not an HTTP proxy.
    """
    where = binary.this_platform()
    if where not in SHA256:
        what = f"there is no pinned OpenTofu for {where}"
        raise ToolError(what, "install tofu or terraform, 1.11 or newer")
    url = f"{releases}/v{binary.VERSION}/tofu_{binary.VERSION}_{where}.zip"
    archive = _download(url)
    if hashlib.sha256(archive).hexdigest() != SHA256[where]:
        what = f"{url} is not the pinned release: its SHA-256 differs"
        raise ToolError(what, "do not use this file; report it to the maintainers")
    return _unpack(archive)


def _download(url: str) -> bytes:
    try:
        answer = ask("GET", url, ANSWER_SECONDS)
        if answer.is_success:
            return answer.content
        problem = f"HTTP {answer.status_code} {answer.reason_phrase}"
    except ConnectionError as error:
        problem = str(error)
    fix = "allow access to that address, or install tofu or terraform, 1.11 or newer"
    raise ToolError(f"OpenTofu could not be downloaded from {url}: {problem}", fix)


def _unpack(archive: bytes) -> Path:
    cache = binary.cache()
    cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(cache, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in cache.iterdir():
            if re.fullmatch(DRAFT, path.name):  # from a killed run: a living run would hold the lock
                path.unlink()
        with zipfile.ZipFile(BytesIO(archive)) as files:
            write_whole(cache / "tofu", files.read("tofu"), 0o755)
        return cache / "tofu"
    finally:
        os.close(lock)
