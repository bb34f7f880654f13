"""The sessions of a tool and of all that it started: who still runs in them when the tool has ended.

Ansible's workers have sessions of their own. In them pip and the like still write when ansible-playbook is
gone.
"""

import os
import signal
from contextlib import suppress

import psutil

from pipeline.machine.waiting import until

LIMIT = 30.0
"""Seconds that what a tool has started gets to end, before it is asked again, by SIGTERM."""
GONE = (psutil.NoSuchProcess, ProcessLookupError)


def find_sessions(tool: int) -> set[int]:
    """Return the sessions of a tool that runs, and of the processes below it.

    Args:
        tool: its process's id.
    """
    sessions = set()
    with suppress(*GONE):
        for process in (psutil.Process(tool), *psutil.Process(tool).children(recursive=True)):
            with suppress(*GONE):
                sessions.add(os.getsid(process.pid))
    return sessions


async def wait_until_left(sessions: set[int]) -> None:
    """Wait until nobody runs in these sessions: who does was told to end, and may have to tidy up.

    Args:
        sessions: what `find_sessions` found before the tool was told.
    """

    async def left() -> bool:
        return not _members(sessions)

    if not await until(left, LIMIT):
        for process in _members(sessions):
            with suppress(*GONE):
                process.send_signal(signal.SIGTERM)


def _members(sessions: set[int]) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _is_in(process, sessions)]


def _is_in(process: psutil.Process, sessions: set[int]) -> bool:
    try:
        return os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE
    except (*GONE, psutil.AccessDenied, PermissionError):  # somebody else's
        return False
