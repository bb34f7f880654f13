"""Sends one notification. It is a program of its own: whatever a library does there, it ends with it.

What to send comes by standard input, because everybody may read arguments. It prints what went wrong, in
words that no address is in. No word of a library leaves it: many of them quote the address.
"""

import json
import os
import sys
import time

import requests

PAUSES = (0, 1, 3)
"""Seconds before each attempt at a ping: one that gets lost calls somebody in the night."""
PATIENCE = 5
"""Seconds that each may take to connect, and to answer."""


def main() -> None:
    """Send what standard input says."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    wanted = json.load(sys.stdin)
    try:
        trouble = notify(**wanted) if "text" in wanted else ping(**wanted)
    except Exception as error:
        trouble = type(error).__name__
    os.write(answer, trouble.encode())


def notify(address: str, title: str, text: str, bad: bool) -> str:
    """Send a message by Apprise; returns what went wrong.

    Args:
        address: an Apprise URL.
        title: the message's title.
        text: the message.
        bad: whether it is of a failure.
    """
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415 - half a second, and no ping needs it

    messenger = Apprise(asset=AppriseAsset(app_id="quickdata", async_mode=False))
    if not messenger.add([address]):
        return "Apprise takes no such address"
    kind = NotifyType.FAILURE if bad else NotifyType.SUCCESS
    sent = messenger.notify(body=text, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
    return "" if sent else "it was not delivered"


def ping(address: str) -> str:
    """Fetch an address, if need be more than once; returns what went wrong."""
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
