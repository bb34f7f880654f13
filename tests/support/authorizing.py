"""A proxy in front of LocalStack, which enforces no policy: it denies what a policy does not allow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ministack.core.iam_actions import access_denied_response

from pipeline.servers.localstack import LocalStack
from tests.support.authorization import Request, allows, checks
from tests.support.fault_proxy import FaultProxy, Handler

UNKNOWN = "00000000-0000-0000-0000-000000000000"


class Authorizing(FaultProxy):
    """Listens on the loopback, and passes on what the policy allows.

    Args:
        behind: the emulator.
        policy: the policy of whoever asks, as JSON; it may be replaced.

    Attributes:
        used: the actions that were allowed.
        denied: what was denied, in words.
    """

    def __init__(self, behind: LocalStack, policy: str) -> None:
        super().__init__(behind.endpoint)
        self.RequestHandlerClass = AskingThePolicy
        self.emulator, self.policy = behind, policy
        self.used, self.denied = set[str](), list[str]()

    @property
    def aws(self) -> LocalStack:
        """This proxy, as its clients see it."""
        return replace(self.emulator, endpoint=self.url)


class AskingThePolicy(Handler):
    server: Authorizing

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        asked = list(checks(request, self.server.emulator))
        if refused := [each for each in asked if not allows(self.server.policy, each, request.region)]:
            self.server.denied += map(str, refused)
            self.deny(request)
        else:
            self.server.used |= {each.action for each in asked}
            self.answer(*self.ask(body))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 - the names of http.server

    def deny(self, request: Request) -> None:
        """Answer as the service does."""
        status, headers, body = access_denied_response(request.service, request.action, "deployer", UNKNOWN)
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def authorizing(behind: LocalStack, policy: str) -> Iterator[Authorizing]:
    """Run a proxy beside the block."""
    proxy = Authorizing(behind, policy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.let_go.set()
        proxy.shutdown()
        proxy.server_close()
