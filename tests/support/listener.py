"""A small HTTP server that gets notifications, and looks who else could read what it gets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PASSWORD = "pa55word-of-a-canary"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    authorization: str
    body: str

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)


class Listener(ThreadingHTTPServer):
    """Listens on the loopback.

    Attributes:
        status: what it answers; 0 is nothing for ever, 1 a byte now and then, for ever.
        fails: how many requests it refuses before.
        got: the requests.
        exposed: command lines and environments in which the password was seen, while a request was here.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.fails, self.got, self.exposed = 200, 0, list[Request](), list[str]()
        self.closing = threading.Event()
        self.host = f"127.0.0.1:{self.server_port}"

    def notify(self, path: str = "messages") -> str:
        """An Apprise URL of this server, with a password."""
        return f"json://user:{PASSWORD}@{self.host}/{path}"

    def ping(self) -> str:
        return f"http://user:{PASSWORD}@{self.host}/{PASSWORD}?rid=1"

    def told(self) -> list[str]:
        """What was asked for, without its secret."""
        return sorted(f"{each.method} {each.path}".replace(PASSWORD, "UUID") for each in self.got)


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.exposed += exposures()
        self.server.got.append(Request(self.command, self.path, self.headers.get("Authorization", ""), body))
        if self.server.status <= 1:
            while not self.server.closing.wait(0.2 if self.server.status else None):
                self.wfile.write(b"H")
            return
        self.server.fails -= 1
        self.send_response(500 if self.server.fails >= 0 else self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer  # noqa: N815 - the names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def exposures() -> list[str]:
    """Return the command lines of processes whose arguments or environment hold the password."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if PASSWORD.encode() in line + variables:
            found.append(line.decode(errors="replace"))
    return found


@contextmanager
def listening() -> Iterator[Listener]:
    """Run one beside the block."""
    listener = Listener()
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield listener
    finally:
        listener.closing.set()
        listener.shutdown()
        listener.server_close()
