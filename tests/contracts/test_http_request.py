"""What this machine asks by HTTP: whom it trusts, where a redirect leads, what comes of no answer."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.errors import SettingsError
from pipeline.machine.http_request import MAX_REDIRECTS, ask
from pipeline.machine.repository import REPOSITORY
from tests.support.recording_proxy import RecordingProxy, forget_the_network, recording_proxy

AUTH = ("me", "canary-token")
ELSEWHERE = "http://elsewhere.invalid/file"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_network(monkeypatch)


class Server(ThreadingHTTPServer):
    """Answers with the status, and the address to go to, that a test says; keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.location, self.asked = 200, "", list[dict[str, str]]()
        self.silent = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        self.server.asked.append({"Method": self.command, **self.headers})
        if self.path == "/silent":
            self.server.silent.wait(60)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"here")

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.silent.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingProxy]:
    with recording_proxy({ELSEWHERE: b"elsewhere"}) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        yield proxy


def test_where_a_redirect_leads_is_asked_by_its_own_proxy_and_hears_no_token(
    server: Server, proxy: RecordingProxy
) -> None:
    server.status, server.location = 302, ELSEWHERE
    assert ask("GET", server.url, 30, auth=AUTH).content == b"elsewhere"
    assert "Authorization" in server.asked[0]
    assert proxy.asked == [f"GET {ELSEWHERE}"]
    assert "Authorization" not in proxy.headers[0]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_changes_something_is_sent_nowhere_else(
    server: Server, proxy: RecordingProxy, method: str, status: int
) -> None:
    server.status, server.location = status, ELSEWHERE
    assert ask(method, server.url, 30, content="a lock").status_code == status
    assert proxy.asked == []


def test_redirects_that_lead_in_a_circle_are_no_answer(server: Server) -> None:
    server.status, server.location = 302, server.url
    with pytest.raises(ConnectionError, match="redirects"):
        ask("GET", server.url, 30)
    assert len(server.asked) == MAX_REDIRECTS + 1


def test_an_answer_is_not_asked_for_in_packed_form(server: Server) -> None:
    ask("GET", server.url, 30)
    assert server.asked[0]["Accept-Encoding"] == "identity"


def test_a_server_that_says_nothing_is_no_answer(server: Server) -> None:
    with pytest.raises(ConnectionError, match="timed out"):
        ask("GET", f"{server.url}/silent", 0.1)


def test_a_host_that_no_name_server_knows_is_no_answer() -> None:
    with pytest.raises(ConnectionError, match=r"\[Errno -\d+\]"):
        ask("GET", "https://gitlab.invalid", 30)


def test_what_the_proxy_refuses_is_told_as_its_words(proxy: RecordingProxy) -> None:
    with pytest.raises(ConnectionError, match="the proxy refuses: 502"):
        ask("GET", "https://gitlab.invalid", 30)
    assert proxy.asked == ["CONNECT gitlab.invalid:443"]


def test_a_socks_proxy_is_told_and_the_host_is_not_asked_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(SettingsError, match="ALL_PROXY does not name an HTTP proxy"):
        ask("GET", "https://gitlab.invalid", 30)


@pytest.fixture
def authority(server: Server, tmp_path: Path) -> Path:
    """Let the server speak TLS; return the file of the authority that vouches for it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, address = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, private = tmp_path / "authority.pem", tmp_path / "key.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = server.url.replace("http:", "https:")
    return file


def test_the_authorities_of_a_closed_network_are_trusted_and_no_others(
    server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        ask("GET", server.url, 30)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert ask("GET", server.url, 30).content == b"here"


def test_the_authorities_of_the_system_are_asked_not_a_list_in_a_package(
    server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., ssl.SSLContext] = ssl.create_default_context
    system = {"cafile": str(authority)}
    monkeypatch.setattr(ssl, "create_default_context", lambda **named: real(**(named or system)))
    assert ask("GET", server.url, 30).content == b"here"


def test_the_help_does_not_wait_for_httpx() -> None:
    code = "import sys, pipeline.cli; assert 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
