"""A command at a terminal of a fixed size: what it shows, and when."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pexpect

COLUMNS, ROWS = 100, 30


@dataclass(frozen=True)
class Recording:
    """What a command showed.

    Args:
        command: as it was typed.
        chunks: what it wrote, each with the seconds since the start.
    """

    command: str
    chunks: tuple[tuple[float, str], ...]

    @property
    def seconds(self) -> float:
        return self.chunks[-1][0]

    def write(self, file: Path) -> None:
        """Keep it as an asciicast, version 2 (docs.asciinema.org/manual/asciicast/v2)."""
        head = {"version": 2, "width": COLUMNS, "height": ROWS, "command": self.command}
        lines = [head, *([seconds, "o", text] for seconds, text in self.chunks)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read(file: Path) -> Recording:
    """Read a recording that was kept."""
    head, *events = (json.loads(line) for line in file.read_text().splitlines())
    return Recording(head["command"], tuple((seconds, text) for seconds, _, text in events))


def record(command: str, folder: Path, environment: Mapping[str, str], silence: float) -> Recording:
    """Run a command at a terminal of its own, to its end.

    Args:
        command: a program and its arguments.
        folder: where it is typed.
        environment: all variables that it gets.
        silence: seconds that it may show nothing.

    Raises:
        RuntimeError: it failed; its last lines are in the message.
    """
    with pexpect.spawn(
        command,
        cwd=str(folder),
        env={**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        encoding="utf-8",
        dimensions=(ROWS, COLUMNS),
        timeout=silence,
    ) as child:
        chunks = tuple(_chunks(child))
    if child.exitstatus:
        tail = "".join(text for _, text in chunks)[-2000:]
        raise RuntimeError(f"{command} ended with exit code {child.exitstatus}:\n{tail}")
    return Recording(command, chunks)


def _chunks(child: "pexpect.spawn[str]") -> Iterator[tuple[float, str]]:
    started = time.monotonic()
    while True:
        try:
            text = child.read_nonblocking(65536, timeout=child.timeout)
        except pexpect.EOF:
            return
        yield round(time.monotonic() - started, 3), text
