"""A proxy in front of LocalStack that shows a stopped instance as EC2 does.

EC2 gives a stopped instance no public address: Amazon EC2 User Guide, "Amazon EC2 instance IP addressing".
LocalStack keeps the address, and the association of its network interface.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from xml.etree import ElementTree

from tests.support.fault_proxy import FaultProxy, Handler

PUBLIC = ("ipAddress", "association")
NAMESPACE = re.compile(r"\{.*\}")


class AsEc2(Handler):
    def ask(self, body: bytes):  # type: ignore[no-untyped-def]
        response, answer = super().ask(body)
        return response, shown(answer) if b"Action=DescribeInstances&" in body + b"&" else answer


def shown(answer: bytes) -> bytes:
    """Take the public addresses out of every stopped instance of an answer."""
    document = ElementTree.fromstring(answer)
    ElementTree.register_namespace("", document.tag[1:].partition("}")[0])
    for instance in document.iterfind(".//{*}instancesSet/{*}item"):
        if instance.findtext("{*}instanceState/{*}name") == "stopped":
            _without_address(instance)
    return ElementTree.tostring(document, xml_declaration=True, encoding="UTF-8")


def _without_address(part: ElementTree.Element) -> None:
    for child in list(part):
        name = NAMESPACE.sub("", child.tag)
        if name in PUBLIC:
            part.remove(child)
        elif name == "dnsName":
            child.text = ""
        else:
            _without_address(child)


@contextmanager
def stopped_proxy(endpoint: str) -> Iterator[str]:
    """Run it beside the block; yields its URL."""
    proxy = FaultProxy(endpoint)
    proxy.RequestHandlerClass = AsEc2
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy.url
    finally:
        proxy.shutdown()
        proxy.server_close()
