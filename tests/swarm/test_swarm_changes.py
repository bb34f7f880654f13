"""Debian 12 nodes with a domain, and their changes: a worker with Debian 13, newer images. Needs Docker."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Any

import httpx
import pytest
import yaml

from pipeline.ansible.check_mode import read_prediction
from pipeline.ansible.playbooks import FOLDER, INVENTORY
from pipeline.deploy import order as deploy
from pipeline.rehearsal.swarm import IMAGES, with_workers
from pipeline.servers.docker import pour
from tests.support.live import NODES, Live, failing, prepared, until

pytestmark = [NODES, pytest.mark.timeout(2400)]

DOMAIN = "data.example.org"
OLDER = {"manager": "12", "database": "12"}
NEW = {"worker-1": "13"}
"""Debian's releases: nodes that exist keep theirs, and new ones get the default."""
AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"
NAMED = yaml.safe_load(IMAGES.read_text(encoding="utf-8"))["images"]
RUN = token_hex(4)
NEWER = {"nocodb": f"nocodb/nocodb:0.999.0-{RUN}", "db": f"postgres:18.999-{RUN}"}
BROKEN = f"nocodb/nocodb:0.999.1-{RUN}"
SLOW = """
ENTRYPOINT ["sh", "-c", "sleep 60; exec docker-entrypoint.sh postgres"]
"""
"""A database that is away for longer than NocoDB takes to start, as while its image is pulled."""
SERVICES = "{{.Name}} {{.Node}} {{.Image}} {{.DesiredState}} {{.CurrentState}}"


@pytest.fixture(scope="module")
def resolved() -> Iterator[dict[str, str]]:
    """What DNS says during these tests: addresses by name."""
    known: dict[str, str] = {}
    real: Callable[..., Any] = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real(known.get(name, host), *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answer)
        yield known


@pytest.fixture(scope="module")
def live(resolved: dict[str, str]) -> Iterator[Live]:
    """A deployment of an earlier version, with a domain; its worker is there, but not deployed yet."""
    with prepared("changes", workers=1, domain=DOMAIN, older=OLDER) as found:
        found.do(pour, found.s.nodes.container("database"), (NAMED["db"],))
        plain = {**found.s.d.common, "quickdata_pitr": False}  # these tests change PostgreSQL's own image
        found.s = replace(found.s, d=with_workers(replace(found.s.d, common=plain), 0))
        found.do(deploy.deploy, found.s.d)
        resolved[DOMAIN] = found.s.nodes.addresses["manager"]
        found.tls = ssl.create_default_context(cadata=authority(found))
        found.make_a_base()
        yield found


def authority(live: Live) -> str:
    """Return the certificate of the proxy's own authority."""
    label = "label=com.docker.swarm.service.name=nocodb_proxy"
    proxy = live.on("manager", "docker", "ps", "--quiet", "--filter", label)
    return live.on("manager", "docker", "exec", proxy, "cat", AUTHORITY)


def debian(live: Live, node: str) -> str:
    """Return Debian's release on a node."""
    return live.on(node, "sed", "-n", 's/^VERSION_ID="\\(.*\\)"$/\\1/p', "/etc/os-release")


def running(live: Live) -> dict[str, tuple[str, str]]:
    """Return every service's node and image."""
    listed = live.on(
        "manager", "docker", "stack", "ps", "--filter=desired-state=running", "--format", SERVICES, "nocodb"
    )
    rows = [line.split(maxsplit=4) for line in listed.splitlines()]
    return {
        name.split(".")[0]: (node, image.split("@")[0])
        for name, node, image, *_, state in rows
        if state.startswith("Running")
    }


def test_with_a_domain_nocodb_is_served_with_a_certificate_that_the_authority_vouches_for(live: Live) -> None:
    assert live.serves_what_was_there()
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://{DOMAIN}/", trust_env=False)


def test_with_a_domain_plain_http_never_serves_nocodb(live: Live) -> None:
    for path in ("/", "/dashboard", "/api/v1/health"):
        answer = httpx.get(f"http://{DOMAIN}{path}", trust_env=False)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{DOMAIN}{path}")
    by_address = httpx.get(f"http://{live.s.nodes.addresses['manager']}/api/v1/health", trust_env=False)
    assert by_address.text == ""
    for node in ("manager", "database"):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{live.s.nodes.addresses[node]}:8080/", trust_env=False)


def test_a_worker_joins_and_nothing_else_changes(live: Live) -> None:
    assert {node: debian(live, node) for node in OLDER | NEW} == OLDER | NEW
    before = running(live)
    live.s = replace(live.s, d=with_workers(live.s.d, 1))
    done = live.do(deploy.deploy, live.s.d)
    assert {name: sum(counts.values()) for name, counts in done.plans.items()} == {"storage": 0, "app": 1}
    assert done.changed["nocodb.yml"] == done.changed["backup.yml"] == 0
    found = live.on(
        "manager", "docker", "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.Availability}}"
    )
    assert sorted(found.splitlines()) == [
        f"{name} Ready Active" for name in ("database", "manager", "worker-1")
    ]
    assert {name: node for name, (node, _) in running(live).items()} == {
        "nocodb_db": "database",
        "nocodb_nocodb": "database",
        "nocodb_adminer": "manager",
        "nocodb_proxy": "manager",
    }
    assert running(live) == before
    assert done.proof["comparison"]["mismatches"] == 0


@contextmanager
def image(live: Live, service: str, name: str, *lines: str) -> Iterator[None]:
    """Make another image of the one that a service has, and give it to the database's node."""
    text = "\n".join((f"FROM {NAMED[service]}", f"LABEL quickdata.test={name}", *lines))
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input=text,
        text=True,
        check=True,
        capture_output=True,
    )
    try:
        live.do(pour, live.s.nodes.container("database"), (name,))
        yield
    finally:
        subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def name_images(live: Live, **newer: str) -> None:
    """Write the one file that names the images, as a person would."""
    text = yaml.safe_dump({"images": {**NAMED, **newer}})
    live.do(live.s.d.runner.write, FOLDER / "group_vars/all/images.yml", text)


def play(live: Live) -> None:
    """Do that part of a deployment that is about the stack."""
    live.do(live.s.d.run, live.s.d.ansible.playbook("nocodb.yml")).check()


def saved(live: Live) -> dict[str, Any]:
    """Return the figures of the backup that a deployment took before it deployed other images."""
    return live.s.d.report.proofs["backup before other images"]


def test_newer_images_of_nocodb_and_of_its_database_are_a_plan_and_then_run(live: Live) -> None:
    with image(live, "nocodb", NEWER["nocodb"]), image(live, "db", NEWER["db"], SLOW):
        name_images(live, **NEWER)
        inventory = str(live.s.d.runner.root / INVENTORY)
        seen = read_prediction(live.do(live.s.d.run, live.s.d.ansible.predict("nocodb.yml", inventory)))
        assert seen.images == tuple(f"{name}: {NAMED[name]} → {NEWER[name]}" for name in ("db", "nocodb"))
        live.do(deploy.deploy, live.s.d)
        found = running(live)
        assert {name: found[f"nocodb_{name}"][1] for name in NEWER} == NEWER
        assert saved(live)["comparison"]["mismatches"] == 0
        assert live.serves_what_was_there()


def test_an_image_that_does_not_run_is_rolled_back_and_the_next_deployment_heals(live: Live) -> None:
    name_images(live, **NEWER)
    before, first = running(live), saved(live)["backup"]["id"]
    with image(live, "nocodb", BROKEN, 'ENTRYPOINT ["false"]'):
        name_images(live, **NEWER | {"nocodb": BROKEN})
        with failing() as errors:
            live.do(deploy.deploy, live.s.d)
    assert "nocodb_nocodb: not healthy, and rolled back" in errors[0].tail
    assert f"({BROKEN}): Failed" in errors[0].tail
    assert "docker service logs" in errors[0].fix and "images.yml" in errors[0].fix
    assert saved(live)["backup"]["id"] != first
    print(errors[0])
    until(lambda: running(live) == before)  # the rollback may need a second start
    assert live.serves_what_was_there()
    name_images(live, **NEWER)
    play(live)
    assert running(live) == before
    assert live.serves_what_was_there()
