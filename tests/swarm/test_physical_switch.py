"""Physical backups on a Swarm are turned off and on again. Needs Docker."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.backups.physical import read_physical
from pipeline.deploy import order as deploy
from pipeline.deployment import DATABASE
from pipeline.rehearsal.swarm import stock
from pipeline.servers.docker import pour
from quickdata_node.physical.summary import Summary
from tests.support.live import NODES, Live, prepared

pytestmark = [NODES, pytest.mark.timeout(2400)]

OURS = ("pitr", "keys.json", "quickdata-physical-backup", "pgbackrest.conf")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with prepared("switch") as found:
        database = found.s.nodes.container("database")
        found.do(pour, database, (stock()["database"][0],))  # the image without pgBackRest
        found.do(deploy.deploy, found.s.d)
        found.make_a_base()
        yield found


def turn(live: Live, on: bool) -> None:
    """Set quickdata_pitr, and deploy."""
    live.s = replace(live.s, d=replace(live.s.d, common={**live.s.d.common, "quickdata_pitr": on}))
    live.do(deploy.deploy, live.s.d).require_whole()


def setting(live: Live, name: str) -> str:
    psql = ("psql", "-XqAt", "--username=admin", f"--dbname={DATABASE}", "--command", f"show {name}")
    return live.on("database", "docker", "exec", live.database(), *psql)


def files(live: Live) -> set[str]:
    """Return the names of the files of physical backups on the database node."""
    roots = ("/etc/cron.d", "/etc/systemd/system", "/run/quickdata", "/opt/quickdata", "/srv/quickdata")
    found = live.on("database", "find", *roots, "-maxdepth", "2", "-type", "f").splitlines()
    names = {each.rpartition("/")[2] for each in found}
    return {name for name in names if name in OURS or "recovery" in name or "archiving" in name}


def summary(live: Live) -> Summary:
    known = live.do(read_physical, live.s.d.cloud, live.s.d.bucket, DATABASE)
    assert known
    return known


def check(live: Live) -> str:
    """Return what the watch says; nothing when all is well."""
    config = ("--config", "/etc/quickdata/pg-backup.conf")
    return live.on("database", "sh", "-c", " ".join(("check-backup-age.sh", *config, "2>&1")))


def test_off_ends_archiving_and_every_alarm_and_on_begins_again(live: Live) -> None:
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    turn(live, on=False)
    assert (setting(live, "archive_mode"), check(live), files(live)) == ("off", "", set())
    kept = summary(live)
    assert kept.off_since and kept.backups
    assert live.serves_what_was_there()
    turn(live, on=True)
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert len(summary(live).backups) == len(kept.backups) + 1
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    assert live.serves_what_was_there()
