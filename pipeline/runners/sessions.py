"""The sessions of a tool and of its processes: some may still run when the tool has ended.

Ansible's workers have sessions of their own, in which pip, for example, can outlive ansible-playbook.
"""

import os
import signal
from contextlib import suppress

import psutil

from pipeline.machine.waiting import until

LIMIT = 30.0
"""How many seconds the processes of a tool get to end, before SIGTERM is sent."""
GONE = (psutil.NoSuchProcess, ProcessLookupError)


def find_sessions(tool: int) -> set[int]:
    """Return the sessions of a running tool and of its child processes.

    Args:
        tool: the tool's process id.
    """
    sessions = set()
    with suppress(*GONE):
        for process in (psutil.Process(tool), *psutil.Process(tool).children(recursive=True)):
            with suppress(*GONE):
                sessions.add(os.getsid(process.pid))
    return sessions


async def wait_until_left(sessions: set[int]) -> None:
    """Wait until no process runs in these sessions: they were asked to end, and may have to clean up.

    Args:
        sessions: the result of `find_sessions`, from before the tool was asked to end.
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
    except (*GONE, psutil.AccessDenied, PermissionError):  # a process of another user
        return False
