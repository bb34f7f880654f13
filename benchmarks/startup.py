"""Measure how long a user waits for the start of the command line."""

import subprocess
import sys
import time
from pathlib import Path

from measure import median

QUICKDATA = Path(sys.executable).with_name("quickdata")
TIMES = 11


def milliseconds(*arguments: str, exit_code: int) -> float:
    """Return the median time to start the command line with an empty environment.

    Args:
        arguments: the arguments of the command line.
        exit_code: the exit code that it must end with.
    """
    taken = []
    for _ in range(TIMES):
        started = time.monotonic()
        done = subprocess.run(
            [str(QUICKDATA), *arguments], env={"HOME": "/nonexistent"}, capture_output=True, check=False
        )
        taken.append(time.monotonic() - started)
        if done.returncode != exit_code:
            raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr.decode()}")
    return median(taken) * 1000
