"""Physical backups of a new database on a Swarm: without their image, on, off and on again. Needs Docker."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.backups.physical import read_physical
from pipeline.deploy import order as deploy
from pipeline.deployment import DATABASE
from pipeline.rehearsal.swarm import stock
from pipeline.servers.docker import pour
from quickdata_node.physical.summary import Summary
from tests.support.live import NODES, Live, failing, prepared

pytestmark = [NODES, pytest.mark.timeout(2400)]

NOWHERE = "127.0.0.1:9/none:18.4"
"""Port 9 is for a service that discards: nobody listens."""
OURS = ("pitr", "keys.json", "quickdata-physical-backup", "pgbackrest.conf")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with prepared("switch") as found:
        database = found.s.nodes.container("database")
        found.do(pour, database, (stock()["database"][0],))  # the image without pgBackRest
        yield found


def deployed(live: Live, **variables: bool | str) -> None:
    """Deploy with values of the playbooks' variables."""
    d = replace(live.s.d, common={**live.s.d.common, **variables})
    live.do(deploy.deploy, d).require_whole()


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


def test_without_the_image_a_deployment_fails_before_the_database_starts(live: Live) -> None:
    with failing() as errors:
        deployed(live, quickdata_pitr_image=NOWHERE)
    assert "so the new database was not started" in errors[0].what and NOWHERE in errors[0].tail
    assert "`quickdata_pitr: false`" in errors[0].fix
    assert live.on("manager", "docker", "service", "ls", "--quiet") == ""
    assert live.on("database", "find", "/srv/quickdata", "-name", "PG_VERSION", "-or", "-name", "pitr") == ""


def test_a_new_database_takes_them_off_ends_archiving_and_every_alarm_and_on_begins_again(live: Live) -> None:
    deployed(live)
    live.make_a_base()
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    deployed(live, quickdata_pitr=False)
    assert (setting(live, "archive_mode"), check(live), files(live)) == ("off", "", set())
    kept = summary(live)
    assert kept.off_since and kept.backups
    assert live.serves_what_was_there()
    deployed(live)
    assert setting(live, "archive_mode") == "off", "without a value, an existing database goes on as it is"
    deployed(live, quickdata_pitr=True)
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert len(summary(live).backups) == len(kept.backups) + 1
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    assert live.serves_what_was_there()
