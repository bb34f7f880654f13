"""A small server that speaks GitLab's protocol for states, with locks, versions and basic authentication."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PAT, PROJECT = "canary-user", "canary-pat/+&of-nobody", "team/quickdata"
PATH = re.compile(r"/api/v4/projects/([^/]+)/terraform/state/([^/]+?)(/lock)?")

Answer = tuple[int, bytes]


@dataclass
class GitLab:
    """What the server holds, and what it was asked."""

    url: str = ""
    versions: dict[str, list[bytes]] = field(default_factory=dict)
    locks: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, name: str, lock: bool, lock_id: str | None, body: bytes) -> Answer:
        """Answer as GitLab's API "Terraform state" does."""
        with self.mutex:
            if lock:
                return self._take(name, body) if method == "POST" else self._release(name, lock_id, body)
            if method == "GET":
                return (200, self.versions[name][-1]) if self.versions.get(name) else (404, b"")
            if method == "DELETE":
                if name in self.locks:
                    return 200, b""  # GitLab keeps a locked state, and does not say so
                return (404, b"") if self.versions.pop(name, None) is None else (200, b"")
            if name in self.locks and self.locks[name]["ID"] != lock_id:
                return 409, json.dumps(self.locks[name]).encode()
            self.versions.setdefault(name, []).append(body)
            return 200, b""

    def _take(self, name: str, body: bytes) -> Answer:
        """Take a lock; whoever finds it taken hears its id, owner and time, and otherwise his own words."""
        asked = json.loads(body)
        if name in self.locks:
            known = {key: self.locks[name][key] for key in ("ID", "Who", "Created")}
            return 409, json.dumps(asked | known).encode()
        self.locks[name] = asked | {"Who": USER}
        return 200, b""

    def _release(self, name: str, lock_id: str | None, body: bytes) -> Answer:
        """Release a lock: by its id, or, when none is given, by force."""
        wanted = lock_id or (json.loads(body)["ID"] if body.strip() else None)
        if name in self.locks and wanted not in (None, self.locks[name]["ID"]):
            return 409, json.dumps(self.locks[name]).encode()
        self.locks.pop(name, None)
        return 200, b""


@contextmanager
def gitlab_server() -> Iterator[GitLab]:
    """Run the server beside the block, on an address of its own."""
    held = GitLab()
    expected = f"Basic {base64.b64encode(f'{USER}:{PAT}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            held.asked.append(f"{self.command} {self.path}")
            match = PATH.fullmatch(url.path)
            if self.headers.get("Authorization") != expected:
                code, text = 401, b""
            elif not match or unquote(match[1]) != PROJECT:
                code, text = 404, b'{"message":"404 Project Not Found"}'
            else:
                lock_id = parse_qs(url.query).get("ID", [None])[0]
                code, text = held.answer(self.command, match[2], bool(match[3]), lock_id, body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = do_PUT = _any  # noqa: N815 - http.server names them so

        def log_message(self, *_: object) -> None:
            """Say nothing: the test keeps what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
