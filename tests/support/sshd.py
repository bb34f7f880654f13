"""An OpenSSH server on the loopback, with keys of its own, that lets in whoever runs the tests."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline.servers.process import free_port
from tests.support.backup_runs import wait_for
from tests.support.listening import answers
from tests.support.ssh_keys import lay_key

MISSING = "sshd is not on this machine (Debian: openssh-server)"
CONFIGURATION = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
"""


@dataclass
class Sshd:
    """A server that can be ended and started again.

    Args:
        folder: where its keys are; `key` is the key that it lets in.
        port: its port.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def reach(self) -> tuple[str, ...]:
        """The words by which SSH reaches it."""
        return ("-p", str(self.port), "-o", "HostKeyAlias=i-1", f"{getpass.getuser()}@127.0.0.1")

    def start(self) -> None:
        server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert server
        command = [server, "-D", "-e", "-f", str(self.folder / "config")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        wait_for(lambda: answers("127.0.0.1", self.port))

    def end(self) -> None:
        """End the server and its connections, as a node does that is gone."""
        if self.process:
            for each in psutil.Process(self.process.pid).children(recursive=True):
                each.kill()
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Run a server; a machine without one leaves the test out, with its reason."""
    if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip(MISSING)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian's service makes it
    lay_key(folder / "host")
    lay_key(folder / "key")
    server = Sshd(folder, free_port())
    (folder / "config").write_text(CONFIGURATION.format(port=server.port, folder=folder))
    server.start()
    try:
        yield server
    finally:
        server.end()
