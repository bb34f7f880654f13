"""A proxy in front of an S3 that is STS too, and gives keys that soon end."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread

from tests.support.fault_proxy import FaultProxy, Handler

GOOD_FOR = 5
"""Requests that S3 takes with a key; those of a token that were not STS's own count too."""
LASTS = timedelta(minutes=5)
"""What STS says: botocore gets others ten minutes before keys end, so whenever it is asked."""
ANSWER = """\
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>KEY{number}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>{ends}</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
"""


class ExpiringKeys(FaultProxy):
    """Notes what it is asked.

    Attributes:
        asked: the bodies of requests for keys.
        used: how often each key was used.
    """

    def __init__(self, storage: str) -> None:
        super().__init__(storage)
        self.RequestHandlerClass = Expiring
        self.asked, self.used, self.counting = list[str](), Counter[str](), Lock()


class Expiring(Handler):
    server: ExpiringKeys

    def pass_on(self) -> None:
        signed = re.search("Credential=([^/]+)/", self.headers.get("Authorization", ""))
        if not signed:
            self.give_keys()
            return
        with self.server.counting:
            self.server.used[signed[1]] += 1
            ended = self.server.used[signed[1]] > GOOD_FOR
        if ended:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.refuse(400, "ExpiredToken")
        else:
            super().pass_on()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 - the names of http.server

    def give_keys(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with self.server.counting:
            self.server.asked.append(asked)
            number = len(self.server.asked)
        body = ANSWER.format(number=number, ends=f"{datetime.now(UTC) + LASTS:%Y-%m-%dT%H:%M:%SZ}").encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def expiring_keys(storage: str) -> Iterator[ExpiringKeys]:
    """Run it beside the block."""
    proxy = ExpiringKeys(storage)
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
