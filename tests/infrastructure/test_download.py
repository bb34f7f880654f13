"""OpenTofu, downloaded where a machine has neither it nor Terraform: only the pinned release is ever run."""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import ToolError
from pipeline.servers.process import free_port
from pipeline.tofu import binary as tools
from pipeline.tofu.download import SHA256, download_tofu
from tests.support.listening import on_loopback_alone

PROGRAM = b"#!/bin/sh\necho OpenTofu\n"

Serve = Callable[..., str]


def release() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("LICENSE", "of nobody")
        files.writestr("tofu", PROGRAM)
    return archive.getvalue()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, on a machine without the tools."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve one body at the release's very path; return the URL below which it is."""
    servers = []

    def start(body: bytes, promised: int | None = None) -> str:
        class Releases(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = tools.this_platform()
                there = self.path == f"/v{tools.VERSION}/tofu_{tools.VERSION}_{where}.zip"
                self.send_response(200 if there else 404)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Releases)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert on_loopback_alone(server.server_port)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if not path.is_dir()]


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A release whose checksum is the pinned one."""
    body = release()
    monkeypatch.setitem(SHA256, tools.this_platform(), hashlib.sha256(body).hexdigest())
    return body


def test_a_release_with_another_checksum_is_refused_and_not_kept(cache: Path, serve: Serve) -> None:
    with pytest.raises(ToolError, match="not the pinned release") as caught:
        download_tofu(serve(release()))
    assert "do not use this file" in caught.value.fix
    assert files(cache) == []


def test_the_pinned_release_is_kept_executable_and_found_from_then_on(
    cache: Path, serve: Serve, pinned: bytes
) -> None:
    assert tools.find_tofu() is None
    tofu = download_tofu(serve(pinned))
    assert files(cache) == [tofu]
    assert tofu.read_bytes() == PROGRAM
    assert os.access(tofu, os.X_OK)
    assert tools.find_tofu() == tofu


def test_what_a_killed_run_left_of_a_download_is_removed(cache: Path, serve: Serve, pinned: bytes) -> None:
    tools.cache().mkdir(parents=True)
    (tools.cache() / ".tofu.4711.draft").write_bytes(b"half of it")
    tofu = download_tofu(serve(pinned))
    assert files(cache) == [tofu]


def test_a_download_cut_off_is_refused_and_not_kept(cache: Path, serve: Serve, pinned: bytes) -> None:
    with pytest.raises(ToolError, match="could not be downloaded"):
        download_tofu(serve(pinned[:100], promised=len(pinned)))
    assert files(cache) == []


def test_a_release_that_is_not_there_is_named_by_its_address(cache: Path, serve: Serve) -> None:
    url = serve(b"") + "/elsewhere"
    with pytest.raises(ToolError, match=f"{url}/v{tools.VERSION}/.*404") as caught:
        download_tofu(url)
    assert "install tofu or terraform" in caught.value.fix
    assert files(cache) == []


def test_without_a_network_the_fix_is_to_install_a_tool(cache: Path) -> None:
    with pytest.raises(ToolError, match="could not be downloaded from http://127") as caught:
        download_tofu(f"http://127.0.0.1:{free_port()}")
    assert "install tofu or terraform" in caught.value.fix
    assert files(cache) == []


def test_a_platform_without_a_pinned_release_is_told_to_bring_its_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "this_platform", lambda: "plan9_mips")
    with pytest.raises(ToolError, match="no pinned OpenTofu for plan9_mips") as caught:
        download_tofu("http://127.0.0.1:1")
    assert "install tofu or terraform" in caught.value.fix
