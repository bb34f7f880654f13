"""Sends one notification. This is a program of its own, so that nothing in a library can stop the run.

The notification comes by standard input, because every user may read arguments. The program prints a problem
in words of its own, without the address. It prints no library's words, because many of them quote the
address.
"""

import json
import os
import sys
import time

import requests

PAUSES = (0, 1, 3)
"""Seconds before each attempt at a ping: a lost ping would raise a false alarm."""
PATIENCE = 5
"""Most seconds of an attempt to connect, and then to wait for the answer."""


def main() -> None:
    """Send the notification in standard input."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    wanted = json.load(sys.stdin)
    try:
        trouble = notify(**wanted) if "text" in wanted else ping(**wanted)
    except Exception as error:
        trouble = type(error).__name__
    os.write(answer, trouble.encode())


def notify(address: str, title: str, text: str, bad: bool) -> str:
    """Send a message by Apprise; return the problem, or an empty string.

    Args:
        address: an Apprise URL.
        title: the message's title.
        text: the message.
        bad: whether the message is about a failure.
    """
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415 - half a second, and no ping needs it

    messenger = Apprise(asset=AppriseAsset(app_id="quickdata", async_mode=False))
    if not messenger.add([address]):
        return "Apprise does not accept this address"
    kind = NotifyType.FAILURE if bad else NotifyType.SUCCESS
    sent = messenger.notify(body=text, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
    return "" if sent else "it was not delivered"


def ping(address: str) -> str:
    """Fetch an address, more than once if it fails; return the last problem, or an empty string."""
    trouble = ""
    for pause in PAUSES:
        time.sleep(pause)
        try:
            answer = requests.get(address, timeout=PATIENCE)
        except requests.RequestException as error:
            trouble = type(error).__name__
        else:
            if answer.ok:
                return ""
            trouble = f"HTTP {answer.status_code}"
    return trouble


if __name__ == "__main__":
    main()
