"""A proxy that notes what it is asked, answers for hosts that do not exist, and refuses the rest."""

import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.machine import network

INDEX = "http://packages.invalid/simple"
"""A package index whose host no name server knows: only a proxy can ask it."""
HEADERS = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class RecordingProxy(ThreadingHTTPServer):
    """Listens on an address of the loopback.

    Args:
        answers: bodies by URL.
        address: the address.
    """

    daemon_threads = True

    def __init__(self, answers: Mapping[str, bytes], address: str) -> None:
        super().__init__((address, 0), Handler)
        self.answers, self.asked, self.headers = answers, list[str](), list[dict[str, str]]()
        self.url = f"http://{address}:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: RecordingProxy

    def answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.headers.append(dict(self.headers))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = self.server.answers.get(self.path)
        self.send_response(502 if body is None else 200)
        self.send_header("Content-Type", "text/xml" if body and body.startswith(b"<Get") else "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    do_GET = do_HEAD = do_POST = do_PUT = do_CONNECT = answer  # noqa: N815 - the names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def recording_proxy(answers: Mapping[str, bytes], address: str = "127.0.0.1") -> Iterator[RecordingProxy]:
    """Run a proxy beside the block."""
    proxy = RecordingProxy(answers, address)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def index_of(name: str, version: str, files: Mapping[str, str]) -> dict[str, bytes]:
    """Return what an index at INDEX answers that has one package.

    Args:
        name: the package's.
        version: its version.
        files: its text files by path.
    """
    stem = f"{name.replace('-', '_')}-{version}"  # a wheel's name is cut at its hyphens
    information = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    about = {
        f"{information}/METADATA": metadata,
        f"{information}/WHEEL": HEADERS,
        f"{information}/RECORD": "",
    }
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, **about}.items():
            archive.writestr(path, text)
    file = f"{stem}-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="{file}">{file}</a></body></html>'
    return {f"{INDEX}/{name}/": page.encode(), f"{INDEX}/{name}/{file}": wheel.getvalue()}


def forget_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables with which this machine reaches the network, and HOME with pip's configuration."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in (*network.FILES, *network.INDEXES, *network.PROXIES, network.DIRECT):
        for case in (name, name.lower()):
            monkeypatch.delenv(case, raising=False)
