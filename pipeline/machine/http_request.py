"""One HTTP request, with the proxies and the certificate authorities of this machine."""

import ssl
from contextlib import ExitStack
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from pipeline.errors import SettingsError
from pipeline.machine.network import LOOPBACK

MAX_REDIRECTS = 10
UNPACKED = {"Accept-Encoding": "identity"}
"""No compression, so that a checksum is that of the server's file."""


def ask(method: str, url: str, timeout: float, **content: Any) -> httpx.Response:
    """Send a request and return the whole answer, with any status.

    Redirects are followed only for GET: a request that takes or removes a lock is not sent elsewhere.

    Args:
        method: the HTTP method, such as GET.
        url: the URL, with http or https.
        timeout: the most seconds for each part of the request.
        content: `auth`, `content` and `headers`, as in httpx.

    Raises:
        ConnectionError: there was no answer.
        SettingsError: the proxy in the environment is not an HTTP proxy.
    """
    redirects: dict[str, Any] = {"follow_redirects": method == "GET", "max_redirects": MAX_REDIRECTS}
    try:
        with httpx.Client(transport=_ByProxy(), timeout=timeout, headers=UNPACKED, **redirects) as client:
            return client.request(method, url, **content)
    except httpx.ProxyError as error:
        raise ConnectionError(f"the proxy refuses: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error


class _ByProxy(httpx.BaseTransport):
    """Sends each request by the proxy for its host, also after a redirect.

    httpx reads the same variables. But it fails on an IPv6 network in NO_PROXY, and on a SOCKS proxy even if
    that proxy is not used.
    """

    def __init__(self) -> None:
        self._authorities = ssl.create_default_context()
        self._opened = ExitStack()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.HTTPTransport(verify=self._authorities, proxy=self._proxy(request.url))
        return self._opened.enter_context(transport).handle_request(request)

    def _proxy(self, url: httpx.URL) -> httpx.Proxy | None:
        address = _proxy_address(url)
        if address is None:
            return None
        return httpx.Proxy(address, ssl_context=self._authorities if address.scheme == "https" else None)

    def close(self) -> None:
        self._opened.close()


def _proxy_address(url: httpx.URL) -> httpx.URL | None:
    """Return the proxy for a URL; None if no proxy is used, as for the loopback.

    Raises:
        SettingsError: the proxy is not an HTTP proxy.
    """
    if url.host in LOOPBACK or url.host.startswith("127.") or proxy_bypass(url.netloc.decode()):
        return None
    proxies = getproxies()
    kind = url.scheme if proxies.get(url.scheme) else "all"
    if not (address := proxies.get(kind)):
        return None
    proxy = _parsed(address if "://" in address else f"http://{address}")
    if proxy is None or proxy.scheme not in ("http", "https"):
        what = f"{kind.upper()}_PROXY does not name an HTTP proxy, so {url.host} cannot be reached"
        fix = f"set {url.scheme.upper()}_PROXY to http://HOST:PORT (SOCKS does not work here)"
        raise SettingsError(what, f"{fix}, or add {url.host} to NO_PROXY")
    return proxy


def _parsed(address: str) -> httpx.URL | None:
    try:
        return httpx.URL(address)
    except httpx.InvalidURL:
        return None
