"""A proxy in front of an S3 that changes the time at which objects were written."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPResponse
from threading import Thread

from tests.support.fault_proxy import FaultProxy, Handler

TIME = re.compile(rb"(?<=<LastModified>)[^<]*")


@contextmanager
def aged(endpoint: str, written: datetime) -> Iterator[str]:
    """Run it beside the block; yields its URL.

    Args:
        endpoint: the URL of the S3.
        written: the time that the proxy gives for all objects.
    """
    told = f"{written:%Y-%m-%dT%H:%M:%S.000Z}".encode()

    class Aged(Handler):
        def ask(self, body: bytes) -> tuple[HTTPResponse, bytes]:
            response, answer = super().ask(body)
            return response, TIME.sub(told, answer)

    proxy = FaultProxy(endpoint)
    proxy.RequestHandlerClass = Aged
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy.url
    finally:
        proxy.shutdown()
        proxy.server_close()
