"""Secrets that nobody else has, and where they were seen: in texts, in files, in the list of processes."""

import json
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, quote_plus

from markupsafe import escape

SHORTEST = 12
PROC = Path("/proc")
TOOL_BY = 6
"""How many words of a command line may name its tool: "python -I -X utf8 -m awscli" has it last."""


def forms(secret: str) -> set[bytes]:
    """Return a secret, line by line, as it is, in URLs, JSON, HTML, and in base64 wherever it begins."""
    found: set[bytes] = set()
    for text in {secret, *secret.splitlines()}:
        if len(text) < SHORTEST or text.startswith("-----"):
            continue
        in_urls = (quote(text), quote(text, safe=""), quote_plus(text))
        written = (text, *in_urls, json.dumps(text)[1:-1], escape(text))
        go = json.dumps(text)[1:-1].translate({ord(each): f"\\u{ord(each):04x}" for each in "&<>"})
        encoded = (
            encode(b"x" * n + text.encode()) for n in range(3) for encode in (b64encode, urlsafe_b64encode)
        )
        found |= {each.encode() for each in (*written, go)} | {each.rstrip(b"=")[4:-3] for each in encoded}
    return found


@dataclass
class Canaries:
    """Secrets by name.

    Args:
        secrets: their values.
    """

    secrets: Mapping[str, str]

    def __post_init__(self) -> None:
        self._forms = {name: forms(value) for name, value in self.secrets.items()}

    def seen_in(self, content: bytes) -> set[str]:
        return {name for name, found in self._forms.items() if any(each in content for each in found)}

    def files(self, *directories: Path) -> Iterator[tuple[Path, str]]:
        """Yield every file in which a secret is, with the secret's name."""
        for path in (path for each in directories for path in each.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield from ((path, name) for name in self.seen_in(path.read_bytes()))


@dataclass
class Watcher:
    """Looks at all command lines, and at the secret files of a checkout, again and again.

    Args:
        canaries: what must not be in a command line.
        root: the checkout.
    """

    canaries: Canaries
    root: Path
    told: dict[str, set[str]] = field(default_factory=dict)
    tools: set[str] = field(default_factory=set)
    modes: set[tuple[int, int]] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._watching = self._thread.submit(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.shutdown()
        self._watching.result()  # a watcher that had to give up says so

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            for line in _command_lines():
                words = line.decode(errors="replace").split("\0")[:TOOL_BY]
                self.tools.update(Path(word).name for word in words)
                for name in self.canaries.seen_in(line):
                    self.told.setdefault(name, set()).add(line.decode(errors="replace"))
            with suppress(FileNotFoundError):  # as it must be, a moment later
                self._note_modes(self.root / ".secrets")

    def _note_modes(self, directory: Path) -> None:
        for path in directory.iterdir():
            self.modes.add((path.stat().st_mode & 0o777, directory.stat().st_mode & 0o777))


def _command_lines() -> Iterable[bytes]:
    for path in PROC.iterdir():
        with suppress(OSError):  # no process, or it has ended
            yield (path / "cmdline").read_bytes()
