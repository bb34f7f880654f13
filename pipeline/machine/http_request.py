"""One request by HTTP, as this machine reaches the network: by its proxies, trusting its authorities."""

import ssl
from contextlib import ExitStack
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from pipeline.errors import SettingsError
from pipeline.machine.network import LOOPBACK

MAX_REDIRECTS = 10
UNPACKED = {"Accept-Encoding": "identity"}
"""A checksum is of what the server has, not of what was unpacked on the way."""


def ask(method: str, url: str, timeout: float, **content: Any) -> httpx.Response:
    """Ask a URL and return the whole answer, whatever its status.

    Redirects are followed with GET alone: what takes or breaks a lock is not sent elsewhere.

    Args:
        method: such as GET.
        url: of http or https.
        timeout: seconds that each part of it may take.
        content: what is sent: `auth`, `content` and `headers`, as httpx takes them.

    Raises:
        ConnectionError: there was no answer.
        SettingsError: the proxy that the environment names is not an HTTP proxy.
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
    """Sends each request, also to where a redirect leads, by the proxy that its host is asked by.

    httpx reads the same variables, but fails on a NO_PROXY that names an IPv6 network, and on a SOCKS proxy
    even where it is not used.
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
    """Return the proxy that a URL is asked by; None when it is asked directly, as the loopback always is.

    Raises:
        SettingsError: it is not an HTTP proxy.
    """
    if url.host in LOOPBACK or url.host.startswith("127.") or proxy_bypass(url.netloc.decode()):
        return None
    proxies = getproxies()
    kind = url.scheme if proxies.get(url.scheme) else "all"
    if not (address := proxies.get(kind)):
        return None
    proxy = _parsed(address if "://" in address else f"http://{address}")
    if proxy is None or proxy.scheme not in ("http", "https"):
        what = f"{kind.upper()}_PROXY does not name an HTTP proxy, so {url.host} cannot be asked"
        fix = f"set {url.scheme.upper()}_PROXY to http://HOST:PORT (SOCKS does not work here)"
        raise SettingsError(what, f"{fix}, or add {url.host} to NO_PROXY")
    return proxy


def _parsed(address: str) -> httpx.URL | None:
    try:
        return httpx.URL(address)
    except httpx.InvalidURL:
        return None
