"""What a user does without the pipeline: commands typed in a copy of infrastructure/."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pexpect

from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.workspace import REAL
from pipeline.targets.emulator import NOBODYS_KEY
from pipeline.tofu import binary as tools
from pipeline.tofu.download import find_or_download_tofu

SYSTEM = "/usr/local/bin:/usr/bin:/bin"
ENVIRONMENT = Path(sys.executable).parent
"""Where Ansible is, and the console script."""


@dataclass(frozen=True)
class Typed:
    """A command's end: everything that it showed."""

    exit_code: int
    said: str


@dataclass(frozen=True)
class Terminal:
    """A user's terminal.

    Args:
        workspace: the directory that holds infrastructure/.
        environment: every variable of the user.
        tofu: "tofu" or "terraform", whichever this machine has.
    """

    workspace: Path
    environment: Mapping[str, str]
    tofu: str

    @property
    def infrastructure(self) -> Path:
        return self.workspace / "infrastructure"

    def type(self, folder: str, *command: str, password: str | None = None) -> Typed:
        """Type a command at a real terminal; answer the prompt for the vault's password, if one is given."""
        child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(self.infrastructure / folder),
            env=dict(self.environment),
            encoding="utf-8",
            dimensions=(40, 250),
            timeout=900,
        )
        if password is not None:
            child.expect("Vault password:")
            child.sendline(password)
        child.expect(pexpect.EOF)
        child.close()
        return Typed(child.exitstatus or child.signalstatus or 0, child.before or "")

    def run(self, folder: str, *command: str, stdin: str = "") -> str:
        """Run a command that must succeed, without a terminal; return its standard output."""
        done = subprocess.run(
            command,
            cwd=self.infrastructure / folder,
            env=dict(self.environment),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def terminal(directory: Path, **variables: str) -> Terminal:
    """Return a terminal beside a fresh copy of infrastructure/; its HOME holds an SSH key and nothing else.

    Args:
        directory: an empty directory.
        variables: of the environment, besides PATH, HOME and where the provider is.
    """
    ignore = shutil.ignore_patterns(*REAL)
    shutil.copytree(REPOSITORY / "infrastructure", directory / "workspace/infrastructure", ignore=ignore)
    key = directory / "home/.ssh/id_ed25519.pub"
    key.parent.mkdir(parents=True)
    key.write_text(f"{NOBODYS_KEY}\n")
    tofu = find_or_download_tofu()
    environment = {
        "PATH": f"{ENVIRONMENT}:{tofu.parent}:{SYSTEM}",
        "HOME": str(directory / "home"),
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "CHECKPOINT_DISABLE": "1",
    }
    if provider := tools.find_provider():
        environment["TF_CLI_CONFIG_FILE"] = str(tools.mirror_configuration(provider, directory))
    return Terminal(directory / "workspace", environment | variables, tofu.name)
