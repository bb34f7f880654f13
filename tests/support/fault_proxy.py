"""A proxy between the program and S3 that does what a bad network, a bad day of S3, or a wrong policy does.

It is the instance's metadata service too, which hands out the credentials of the node's role.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ANSWERS = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "408": (408, "RequestTimeout"),
    "429": (429, "SlowDown"),
    "403": (403, "AccessDenied"),
    "no bucket": (404, "NoSuchBucket"),
    "expired credentials": (400, "ExpiredToken"),
    "200 with an error": (200, "InternalError"),
}
"""What S3 answers instead: status and code."""
ROLE = "/latest/meta-data/iam/security-credentials/"


@dataclass
class Trouble:
    """What happens to the requests of one kind.

    Args:
        kind: a key of ANSWERS, or "reset", "lost" (done, but without an answer), "half" (of the answer),
            "stall" (no answer until let go).
        request: a regular expression that finds "METHOD PATH RANGE".
        after: how many of those pass before.
        times: how many of those it happens to then.
        met: what it has happened to.
    """

    kind: str
    request: str
    after: int = 0
    times: int = 1_000_000
    met: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def befalls(self, request: str) -> bool:
        if not re.search(self.request, request):
            return False
        with self.lock:
            self.after -= 1
            if self.after >= 0 or len(self.met) >= self.times:
                return False
            self.met.append(request)
            return True


class FaultProxy(ThreadingHTTPServer):
    """Listens on the loopback, and passes on every request without trouble.

    Args:
        storage: the URL of the S3 behind it.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, storage: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = urlsplit(storage).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.trouble: Trouble | None = None
        self.let_go = threading.Event()

    @contextmanager
    def making(self, kind: str, request: str, **when: int) -> Iterator[Trouble]:
        """Make trouble beside the block."""
        self.let_go.clear()
        self.trouble = Trouble(kind, request, **when)
        try:
            yield self.trouble
        finally:
            self.trouble = None
            self.let_go.set()

    def handle_error(self, *_: object) -> None:
        """Print nothing: the tests kill clients on purpose."""


@contextmanager
def fault_proxy(storage: str) -> Iterator[FaultProxy]:
    """Run a proxy beside the block."""
    proxy = FaultProxy(storage)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.let_go.set()
        proxy.shutdown()
        proxy.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {self.path} {self.headers.get('Range', '')}"
        trouble = self.server.trouble
        kind = trouble.kind if trouble and trouble.befalls(request) else ""
        if kind in ANSWERS:
            self.refuse(*ANSWERS[kind])
        elif kind == "reset":
            self.reset()
        elif kind == "stall":
            self.server.let_go.wait()
            self.reset()
        elif kind == "lost":
            self.ask(body)
            self.reset()
        elif self.path.startswith("/latest/"):
            self.metadata()
        else:
            self.answer(*self.ask(body), half=kind == "half")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 - the names of http.server

    def ask(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.server.behind, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return response, response.read()

    def answer(self, response: HTTPResponse, body: bytes, half: bool = False) -> None:
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = response.getheader("Content-Length") if self.command == "HEAD" else None
        if response.status != 204:
            self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.reset()

    def refuse(self, status: int, code: str) -> None:
        error = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def reset(self) -> None:
        """End the connection as a crash or a firewall does: the client sees ECONNRESET."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def metadata(self) -> None:
        lasts = f"{datetime.now(UTC) + timedelta(hours=6):%Y-%m-%dT%H:%M:%SZ}"
        keys = {"Code": "Success", "AccessKeyId": "test", "SecretAccessKey": "test", "Token": "test"}
        if self.command == "PUT":
            body = "a token of the metadata service"
        else:
            body = "node" if self.path == ROLE else json.dumps({**keys, "Expiration": lasts})
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""
