"""What leads out of this machine by a proxy, what never does, and what steps are told of it."""

import base64
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.aws.account import Cloud
from pipeline.backups import drill, places
from pipeline.backups.catalogue import Backup
from pipeline.errors import ToolError
from pipeline.machine import network
from pipeline.machine.http_request import ask
from pipeline.rehearsal.local_nodes import workbench
from pipeline.rehearsal.swarm import node_environment
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers.localstack import ACCOUNT, LocalStack, answers, sts_client
from pipeline.steps.step import Step
from pipeline.tofu.download import download_tofu
from tests.servers.test_host import python
from tests.support.clouds import KEYS, cloud_of
from tests.support.recording_proxy import RecordingProxy, forget_the_network, recording_proxy

PASSWORD = "p@ss:w0rd/of-the-proxy"
URL = "http://somebody:p%40ss:w0rd%2Fof-the-proxy@proxy.invalid:3128"
EMULATOR = "127.0.0.77"
"""On the loopback, but in no NO_PROXY: like the address under which a container reaches its machine."""
IDENTITY = (
    f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
).encode()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_network(monkeypatch)


@pytest.fixture(params=[str.upper, str.lower], ids=["upper", "lower"])
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingProxy]:
    """The proxy that everything is told to use."""
    with recording_proxy({"http://releases.invalid/tofu": b"a release"}) as found:
        for name in network.PROXIES:
            monkeypatch.setenv(request.param(name), found.url)
        yield found


def who(server: LocalStack) -> Step:
    command = ("aws", "--region", server.region, "sts", "get-caller-identity")
    return Step("emulator", command, env=server.environment)


async def test_the_emulator_is_never_asked_by_a_proxy(
    localstack: LocalStack, proxy: RecordingProxy, tmp_path: Path
) -> None:
    runner = HostRunner(tmp_path, {}, Progress(), (Path(sys.executable).parent,), tmp_path)
    cloud = cloud_of(localstack)
    assert answers(sts_client(localstack))
    assert await cloud.account() == ACCOUNT
    assert ACCOUNT in (await runner.run(who(localstack))).check().stdout
    assert proxy.asked == []


async def test_an_emulator_that_is_not_on_the_loopback_is_asked_directly_too(
    proxy: RecordingProxy, tmp_path: Path
) -> None:
    with recording_proxy({"/": IDENTITY}, EMULATOR) as emulator:
        server = LocalStack(emulator.url, "eu-west-3")
        assert answers(sts_client(server))
        assert await cloud_of(server).account() == ACCOUNT
        runner = HostRunner(tmp_path, {}, Progress(), (Path(sys.executable).parent,), tmp_path)
        assert ACCOUNT in (await runner.run(who(server))).check().stdout
    assert (len(emulator.asked), proxy.asked) == (3, [])


async def test_aws_itself_is_asked_by_the_proxy(proxy: RecordingProxy) -> None:
    with pytest.raises(ToolError, match="does not answer"):
        await Cloud(KEYS, "eu-west-3").account()
    assert set(proxy.asked) == {"CONNECT sts.eu-west-3.amazonaws.com:443"}


def test_other_hosts_are_asked_by_the_proxy_and_the_loopback_is_not(proxy: RecordingProxy) -> None:
    with recording_proxy({"/here": b"here"}) as here:
        assert ask("GET", f"{here.url}/here", 30).content == b"here"
    assert ask("GET", "http://releases.invalid/tofu", 30).content == b"a release"
    assert proxy.asked == ["GET http://releases.invalid/tofu"]


def test_the_release_is_downloaded_by_the_proxy(proxy: RecordingProxy) -> None:
    with pytest.raises(ToolError, match="could not be downloaded"):
        download_tofu("http://releases.invalid")
    assert proxy.asked[0].startswith("GET http://releases.invalid/v")


def test_no_proxy_is_completed_in_both_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "corp.example, 127.0.0.1")
    named = network.without_proxy("10.213.7.1")
    assert named == dict.fromkeys(["NO_PROXY", "no_proxy"], "corp.example,127.0.0.1,localhost,::1,10.213.7.1")
    monkeypatch.setenv("NO_PROXY", "*")
    assert network.without_proxy() == {"NO_PROXY": "*", "no_proxy": "*"}


def test_a_step_gets_a_proxy_in_both_cases_and_keeps_those_that_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "HTTP_PROXY": "http://a.invalid",
        "http_proxy": "http://b.invalid",
        "https_proxy": "http://c.invalid",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALL_PROXY", "")
    found = network.passed_on()
    assert {name: found[name] for name in given} == given
    assert found["HTTPS_PROXY"] == "http://c.invalid"
    assert "ALL_PROXY" not in found


async def test_a_rehearsals_steps_get_what_leads_out_of_this_machine_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text("[global]\nretries = 1\n")
    given = dict.fromkeys((*network.BUNDLES, "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"), "ca.pem")
    given |= dict.fromkeys(network.INDEXES, "https://packages.invalid")
    others = ("AWS_PROFILE", "UV_INDEX_URL", "PYTHONPATH", "LD_PRELOAD", "GITLAB_PAT", "FTP_PROXY")
    for name, value in (given | dict.fromkeys(others, "of-the-caller")).items():
        monkeypatch.setenv(name, value)
    bench = workbench(tmp_path, {}, Progress())
    step = python("import json, os; print(json.dumps(dict(os.environ)))")
    found = json.loads((await bench.runner.run(step)).check().stdout)
    own = {"HOME", "PATH", "LC_ALL", "PYTHONUTF8", "NO_PROXY", "no_proxy", "PIP_CONFIG_FILE"}
    assert found.keys() == given.keys() | own
    assert found["SSL_CERT_FILE"] == str(tmp_path / "ca.pem")
    assert found["PIP_CONFIG_FILE"] == str(tmp_path / ".config/pip/pip.conf")


async def test_the_password_of_a_proxy_is_shown_in_no_form(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", URL)
    sent = base64.b64encode(f"somebody:{PASSWORD}".encode()).decode()
    runner = HostRunner(tmp_path, {}, Progress())
    step = python(f"import os; print(os.environ['https_proxy'], {PASSWORD!r}, {sent!r})")
    said = (await runner.run(step)).check().stdout
    assert said == "http://********@proxy.invalid:3128 ******** ********\n"


def test_a_node_elsewhere_gets_what_means_something_there_and_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("HTTPS_PROXY", URL)
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", ".example.org,10.0.0.0/8")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://localhost:3141/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "https://token@packages.invalid/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/srv/wheels")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "packages.invalid")
    monkeypatch.setenv("PIP_CERT", "/etc/ca.pem")
    names = ("PIP_TRUSTED_HOST", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")
    assert network.for_other_machines() == names
    assert node_environment() == {
        name: f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}" for name in names
    }


async def test_a_drills_script_is_told_whom_to_trust_since_it_forgets_its_environment_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/of-the-network.pem")
    monkeypatch.setenv("AWS_PROFILE", "of-the-caller")
    backup = Backup("20260101T000000Z-0123abcd", True, datetime.now(UTC))
    async with places.at(places.own)(lambda _: {}, backup, Progress()) as site:
        values = drill._values(Cloud(KEYS, "eu-west-3"), "bucket", "nocodb_db", site)
    assert {name for name in values if name.startswith("AWS_")} == {"AWS_CA_BUNDLE", "AWS_REGION"}
    assert values["AWS_CA_BUNDLE"] == "/etc/of-the-network.pem"


@pytest.mark.parametrize("url", ["http://proxy.invalid:3128", "proxy.invalid", "/srv/wheels", ""])
def test_what_holds_no_password_hides_nothing(url: str) -> None:
    assert list(network.passwords([url])) == []
