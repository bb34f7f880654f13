"""The notifications about the end of a run: messages by Apprise, and a ping for each backup."""

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
"""Settings that hold passwords. They are never in an environment, an argument or a log."""
BACKUP = "backup-pg.sh"
SENDER = Path(__file__).with_name("sender.py")
LONGEST = 30
"""Seconds that the run waits for its notifications. All are sent at once."""
MOST = 4000
"""Most characters of a message: no failure needs more, and some services accept no more."""


@dataclass(frozen=True)
class Notifications:
    """The configuration of the notifications.

    Args:
        program: name of the running command.
        addresses: Apprise URLs.
        ping: URL to fetch at the end of each backup; empty for none.
        success: whether a good backup sends a message too.
    """

    program: str = ""
    addresses: tuple[str, ...] = field(default=(), repr=False)
    ping: str = field(default="", repr=False)
    success: bool = False

    def send(self, bad: bool, text: str) -> Iterator[str]:
        """Send the notifications; yield a line about each that failed, without its address.

        Args:
            bad: whether the run has failed.
            text: the message.
        """
        text = text[:MOST].encode(errors="surrogateescape").decode(errors="replace")
        messages = self._messages(bad, text)
        sent = {what: in_background(_send, message) for what, message in messages.items()}
        for what, result in sent.items():
            if trouble := result.result():
                yield f"{what} failed: {trouble}; look at its address and at the network"

    def _messages(self, bad: bool, text: str) -> dict[str, dict[str, object]]:
        """Return the notifications to send, by their names in the log."""
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
    """Return the notifications from the configuration's values."""
    addresses, ping = (values.get(name, "") for name in SECRET)
    return Notifications(program, tuple(addresses.split()), ping, values.get("NOTIFY_SUCCESS") == "yes")


def failed(address: str) -> str:
    """Return the URL for the ping of a failure: healthchecks.io, "Pinging API", `/fail`."""
    parts = urlsplit(address)
    return parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()


def _kind(address: str) -> str:
    """Return the service that an address names; this part is not secret."""
    named = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,19}(?=://)", address)
    return f" ({named[0]})" if named else ""


def _send(message: Mapping[str, object]) -> str:
    """Send one notification in its own process; return its problem, or an empty string."""
    command = (sys.executable, "-I", "-X", "utf8", str(SENDER))
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(message).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**ours, "NETRC": os.devnull},  # no password from the caller's ~/.netrc
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {LONGEST} seconds"
    except OSError as error:
        return f"Python cannot be run: {error.strerror}"
    return done.stdout.decode() or (f"exit code {done.returncode}" if done.returncode else "")
