"""Who gets to know how a run has ended: by Apprise, and by a ping for whoever waits for backups."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from quickdata_node.background import in_background

SECRET = ("NOTIFY", "PING_URL")
"""Settings with passwords in them: they go by no environment, into no argument and no log."""
BACKUP = "backup-pg.sh"
SENDER = Path(__file__).with_name("sender.py")
LONGEST = 30
"""Seconds after which nothing is waited for; all are sent at once."""
MOST = 4000
"""Characters of a message: no failure needs more, and some services take no more."""


@dataclass(frozen=True)
class Notifications:
    """What the configuration says of them.

    Args:
        program: the command that runs.
        addresses: Apprise URLs.
        ping: what is fetched at the end of each backup; nothing for none.
        success: whether a good backup is told too.
    """

    program: str = ""
    addresses: tuple[str, ...] = field(default=(), repr=False)
    ping: str = field(default="", repr=False)
    success: bool = False

    def send(self, bad: bool, text: str) -> Iterator[str]:
        """Tell how the run has ended; yields a line about each that failed, without its address.

        Args:
            bad: whether it has failed.
            text: its last word.
        """
        text = text[:MOST].encode(errors="surrogateescape").decode(errors="replace")
        messages = self._messages(bad, text)
        sent = {what: in_background(_send, message) for what, message in messages.items()}
        for what, result in sent.items():
            if trouble := result.result():
                yield f"{what} failed: {trouble}; look at its address and at the network"

    def _messages(self, bad: bool, text: str) -> dict[str, dict[str, object]]:
        """Return what is sent, by the name that the log has for it."""
        messages: dict[str, dict[str, object]] = {}
        if self.ping and self.program == BACKUP:
            messages["the ping"] = {"address": failed(self.ping) if bad else self.ping}
        if bad or (self.success and self.program == BACKUP):
            title = f"{self.program} {'failed' if bad else 'is done'} on {socket.gethostname()}"
            for number, address in enumerate(self.addresses, 1):
                message = {"address": address, "title": title, "text": text, "bad": bad}
                messages[f"notification {number}{_kind(address)}"] = message
        return messages


def read(program: str, values: Mapping[str, str]) -> Notifications:
    """Return what the configuration's values say."""
    addresses, ping = (values.get(name, "") for name in SECRET)
    return Notifications(program, tuple(addresses.split()), ping, values.get("NOTIFY_SUCCESS") == "yes")


def failed(address: str) -> str:
    """Return where a ping's failure is told: healthchecks.io, "Pinging API", `/fail`."""
    parts = urlsplit(address)
    return parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()


def _kind(address: str) -> str:
    """Return the service that an address names, which is no secret."""
    named = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,19}(?=://)", address)
    return f" ({named[0]})" if named else ""


def _send(message: Mapping[str, object]) -> str:
    """Send one in a process of its own; returns what went wrong."""
    command = (sys.executable, "-I", "-X", "utf8", str(SENDER))
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(message).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**ours, "NETRC": os.devnull},  # no file of the caller's has a password for it
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {LONGEST} seconds"
    except OSError as error:
        return f"Python cannot be run: {error.strerror}"
    return done.stdout.decode() or (f"exit code {done.returncode}" if done.returncode else "")
