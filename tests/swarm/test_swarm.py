"""Real nodes, and what happens to them in a year: restarts, a lost node, new passwords. Needs Docker."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from pipeline.backups import node
from pipeline.deploy import order as deploy
from pipeline.deploy.tunnel import find_tunnels, hold
from pipeline.deployment import DATABASE
from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.docker_nodes import LABEL, renew
from pipeline.rehearsal.nocodb_user import signed_in
from pipeline.rehearsal.proofs_on_swarm import NAMES, RECEIPT, where
from pipeline.rehearsal.swarm import find_stock, swarm
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.targets.emulator import lay_vault, vault
from tests.support.browser import Seen, look
from tests.support.listening import answering, answers, open_to_others
from tests.support.live import NODES, Live, failing, listed, prepared, until, volumes_of

pytestmark = [NODES, pytest.mark.timeout(2400)]

REPORTS = REPOSITORY / "reports"
FILLED = "CREATE TABLE filler AS SELECT sha512(n::text::bytea) AS noise FROM generate_series(1, 3000000) AS n"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with prepared("nodes") as found:
        found.do(deploy.deploy, found.s.d)
        found.make_a_base()
        yield found


def test_the_emulator_listens_on_the_nodes_network_alone(live: Live) -> None:
    port = urlsplit(live.s.aws.endpoint).port
    assert port and answers(live.s.nodes.gateway, port)
    assert answering(port) == []
    assert open_to_others() == {(live.s.nodes.gateway, port)}


def test_tunnels_lead_to_nocodb_with_its_attachments_and_to_adminer(live: Live, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text(live.s.nodes.key)

    async def through_tunnels() -> tuple[list[str], bytes, str]:
        _, *account = where(live.s)
        async with anyio.create_task_group() as group:
            tunnels = await find_tunnels(live.s.d)
            nocodb, adminer = [await group.start(hold, live.s.d, each, key) for each in tunnels]
            async with signed_in(nocodb, *account) as user, httpx.AsyncClient(trust_env=False) as http:
                assert live.base is not None
                names, file = await user.names(live.base), await user.file(live.base)
                page = (await http.get(adminer)).text
            group.cancel_scope.cancel()
        return sorted(names.values()), file, page

    names, file, page = live.do(through_tunnels)
    assert (names, file) == (sorted(NAMES), RECEIPT)
    assert "Adminer" in page


def test_a_restarted_database_node_serves_its_data_again_and_the_next_backup_is_good(live: Live) -> None:
    subprocess.run(["docker", "restart", live.s.nodes.container("database")], check=True, capture_output=True)
    until(live.database)
    assert live.serves_what_was_there()
    assert live.do(node.verify, live.s.d)["comparison"]["mismatches"] == 0


def test_a_database_that_dies_during_a_backup_leaves_no_backup_and_the_next_one_is_good(live: Live) -> None:
    psql = ("psql", "--quiet", "--username=admin", f"--dbname={DATABASE}", "--command")
    live.on("database", "docker", "exec", live.database(), *psql, FILLED)
    before = live.complete()
    run = live.portal.start_task_soon(node.backup, live.s.d)
    until(lambda: "pg_dump" in live.on("database", "ps", "-eo", "args"))
    live.on("database", "docker", "kill", live.database())
    with failing() as errors:
        run.result(timeout=300)
    assert "published" in errors[0].tail or "snapshot" in errors[0].tail
    assert live.complete() == before
    until(live.database)
    live.on("database", "docker", "exec", live.database(), *psql, "DROP TABLE filler")
    assert live.do(node.verify, live.s.d)["comparison"]["mismatches"] == 0
    assert live.serves_what_was_there()


def test_a_manager_that_restarts_during_a_deployment_is_healed_by_the_next_one(live: Live) -> None:
    live.progress.begun.clear()
    run = live.portal.start_task_soon(deploy.deploy, live.s.d)
    until(lambda: "ansible: swarm.yml" in live.progress.begun)
    subprocess.run(["docker", "restart", live.s.nodes.container("manager")], check=True, capture_output=True)
    run.exception(timeout=1200)  # it may fail or not: the next one must not
    again = live.do(deploy.deploy, live.s.d)
    assert again.proof["comparison"]["mismatches"] == 0
    assert live.serves_what_was_there()


def test_rotated_passwords_are_taken_over_and_the_old_ones_refused(live: Live) -> None:
    old, new = live.s.secrets, {**live.s.secrets, **passwords()}
    live.do(lay_vault, live.s.d, new)
    again = live.do(deploy.deploy, live.s.d)
    live.s = replace(live.s, secrets=new)
    assert again.proof["comparison"]["mismatches"] == 0
    assert live.serves_what_was_there()
    live.s = replace(live.s, secrets=old)
    with failing() as errors:
        live.serves_what_was_there()
    assert "signin" in errors[0].what
    live.s = replace(live.s, secrets=new)


def passwords() -> dict[str, str]:
    fresh = vault()
    return {name: fresh[name] for name in ("vault_db_password", "vault_nocodb_admin_password")}


def test_on_fresh_nodes_a_restore_brings_back_the_rows_and_the_attachment(live: Live) -> None:
    made = live.do(node.backup, live.s.d)
    live.do(deploy.destroy, live.s.d)
    live.do(renew, live.s.nodes, live.do(find_stock))
    live.do(deploy.deploy, live.s.d)
    back = live.do(node.restore, live.s.d, made["id"])
    assert live.serves_what_was_there()
    assert back["nocodb_away_seconds"] > 0


def test_a_browser_finds_the_restored_row_and_its_attachment(live: Live) -> None:
    assert live.base is not None
    seen = look(where(live.s), live.base, REPORTS / "nocodb.png")
    assert seen == Seen(NAMES[0], RECEIPT)
    assert (REPORTS / "nocodb.png").stat().st_size > 0


def test_the_nodes_are_gone_afterwards() -> None:
    async def once() -> tuple[str, set[str]]:
        with anyio.CancelScope() as scope:
            async with swarm(Progress(), Report("test", "localstack"), "gone") as s:
                label = f"--filter=label={LABEL}={s.nodes.run}"
                volumes = volumes_of(label)
                assert volumes and listed("network", "ls", label)
                scope.cancel()
                await anyio.sleep_forever()
        return label, volumes

    label, volumes = anyio.run(once)
    assert listed("ps", "--all", label) | listed("network", "ls", label) == set()
    assert not volumes & listed("volume", "ls")
