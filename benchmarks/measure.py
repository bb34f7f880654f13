"""Measure a command: wall time, processor time, and the peak memory of all its processes together."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

EVERY = 0.2
"""Seconds between two measurements of the memory."""


@dataclass(frozen=True)
class Measure:
    """The figures of a command.

    Args:
        wall: wall time in seconds.
        cpu: processor seconds of all its processes, without servers.
        peak: peak memory in bytes of all its processes together, with shared pages counted once (PSS).
        load: the machine's load average of the last minute at the end, which includes the command.
        stored: bytes that it stored in S3; 0 if it is not a backup.
    """

    wall: float
    cpu: float
    peak: int
    load: float
    stored: int = 0


def measured(command: Sequence[str], env: Mapping[str, str]) -> Measure:
    """Run a command to its end.

    Raises:
        RuntimeError: the command failed, so it cannot be compared.
    """
    started, peak, ended = time.monotonic(), [0], threading.Event()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
    watcher.start()
    said = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}:\n{said}")
    return Measure(wall, usage.ru_utime + usage.ru_stime, peak[0], os.getloadavg()[0])


def _watch(pid: int, peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(EVERY):
        peak[0] = max(peak[0], _memory(pid))


def _memory(pid: int) -> int:
    total = 0
    try:
        for process in (top := psutil.Process(pid), *top.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:  # it ended during the measurement; the next measurement counts
        return 0
    return total


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
