"""Runs of the node's program, ended and judged."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    log: str

    @property
    def json(self) -> dict[str, Any]:
        assert self.out, "it said nothing"
        return json.loads(self.out)


def finish(process: subprocess.Popen[str], timeout: float = 90) -> Finished:
    """Wait for a run. One that does not end is killed with all it started, and fails the test."""
    try:
        out, log = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise AssertionError(f"it did not end in {timeout} s") from None
    print(log)
    return Finished(process.returncode, out, log)


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def name_of(age: timedelta, suffix: str = "0123abcd") -> str:
    """The name of a backup of that age."""
    return f"{datetime.now(UTC) - age:%Y%m%dT%H%M%SZ}-{suffix}"
