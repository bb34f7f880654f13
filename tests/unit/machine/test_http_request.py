"""Which proxy a URL is asked by: as the environment says it, whatever else it says."""

import httpx
import pytest

from pipeline.errors import SettingsError
from pipeline.machine.http_request import _proxy_address
from tests.support.recording_proxy import forget_the_network

HTTP, HTTPS, ALL = "http://a.invalid:1", "http://b.invalid:2", "http://c.invalid:3"
SOCKS = "socks5://me:canary@s.invalid:1080"
ASKED = "https://gitlab.example.org/api"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_network(monkeypatch)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, ASKED, None),
        ({"HTTP_PROXY": HTTP}, ASKED, None),
        ({"HTTP_PROXY": HTTP, "HTTPS_PROXY": HTTPS, "ALL_PROXY": ALL}, "http://x.invalid", HTTP),
        ({"HTTP_PROXY": HTTP, "HTTPS_PROXY": HTTPS, "ALL_PROXY": ALL}, ASKED, HTTPS),
        ({"HTTP_PROXY": HTTP, "all_proxy": ALL}, ASKED, ALL),
        ({"HTTPS_PROXY": HTTPS, "ALL_PROXY": SOCKS}, ASKED, HTTPS),
        ({"https_proxy": "b.invalid:2"}, ASKED, HTTPS),
        ({"HTTPS_PROXY": ""}, ASKED, None),
        ({"ALL_PROXY": SOCKS}, "http://127.0.0.7:8080", None),
        ({"ALL_PROXY": SOCKS}, "http://[::1]:8080", None),
        ({"ALL_PROXY": ALL, "NO_PROXY": "x.org, .example.org"}, ASKED, None),
        ({"ALL_PROXY": ALL, "NO_PROXY": "ample.org"}, ASKED, ALL),
        ({"ALL_PROXY": ALL, "NO_PROXY": "gitlab.example.org:8443"}, ASKED, ALL),
        ({"ALL_PROXY": ALL, "NO_PROXY": "[::1],fd00::/8,10.0.0.0/8"}, ASKED, ALL),
        ({"ALL_PROXY": ALL, "NO_PROXY": "*"}, ASKED, None),
    ],
)
def test_a_url_is_asked_by_the_proxy_of_its_scheme_else_by_that_of_all(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = _proxy_address(httpx.URL(url))
    assert (found and str(found)) == proxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", [SOCKS, "socks4://s.invalid", "ftp://me:canary@x", "http://me:canary@x:y"])
def test_a_proxy_that_does_not_speak_http_is_told_by_its_variable_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        _proxy_address(httpx.URL(ASKED))
    assert caught.value.what.startswith(f"{variable.upper()} does not name an HTTP proxy")
    assert "set HTTPS_PROXY to http://HOST:PORT" in caught.value.fix
    assert "add gitlab.example.org to NO_PROXY" in caught.value.fix
    assert "canary" not in str(caught.value)
