"""Physical backups on a Swarm: without their image, one database back, off and on again. Needs Docker."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pipeline.backups.node import physical_backup
from pipeline.backups.physical import read_physical
from pipeline.deploy import order as deploy
from pipeline.deployment import DATABASE, DATABASE_USER
from pipeline.rehearsal.swarm import stock
from pipeline.servers.docker import pour
from pipeline.verbs.options import valid_moment
from quickdata_node.physical.summary import Summary
from tests.support.live import NODES, Live, failing, prepared
from tests.support.verbs import do

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


@pytest.fixture(scope="module")
def backed_up(live: Live) -> Live:
    """The same with a new database, which takes physical backups, and a base."""
    deployed(live)
    live.make_a_base()
    return live


def deployed(live: Live, **variables: bool | str) -> None:
    """Deploy with values of the playbooks' variables."""
    d = replace(live.s.d, common={**live.s.d.common, **variables})
    live.do(deploy.deploy, d).require_whole()


def sql(live: Live, statement: str, database: str = DATABASE) -> str:
    psql = ("psql", "-XqAt", f"--username={DATABASE_USER}", f"--dbname={database}", "--command", statement)
    return live.on("database", "docker", "exec", live.database(), *psql)


def setting(live: Live, name: str) -> str:
    return sql(live, f"show {name}")


def restored(live: Live, database: str, **moment: str) -> dict[str, Any]:
    """Bring one database back by the verb, of an operator who says yes; return its figures."""
    live.do(partial(do, "restore", live.s.d, into=database, **moment))
    return live.s.d.report.proofs["recovery"]


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


def test_the_verb_brings_one_database_back_to_a_time_and_to_a_point_and_the_others_stay(
    backed_up: Live,
) -> None:
    for made in ("create table of_today (n int)", "create database shop"):
        sql(backed_up, made)
    sql(backed_up, "create table orders as select 1 as n", "shop")
    point = backed_up.do(physical_backup, backed_up.s.d, "incr")["point"]
    sql(backed_up, "drop table orders", "shop")
    before = sql(backed_up, "select clock_timestamp()")
    assert backed_up.base
    sql(backed_up, f'drop schema "{backed_up.base.id}" cascade')
    sql(backed_up, "insert into of_today values (1)")
    back = restored(backed_up, DATABASE, to_time=valid_moment(before))
    assert backed_up.serves_what_was_there()
    assert (sql(backed_up, "table of_today"), sql(backed_up, "table of_today", back["kept"])) == ("", "1")
    assert sql(backed_up, "select to_regclass('orders') is null", "shop") == "t", "another database stays"
    sql(backed_up, "insert into of_today values (2)")
    proven = restored(backed_up, "shop", to_point=point)
    assert (proven["compared"], sql(backed_up, "table orders", "shop")) == (True, "1")
    assert sql(backed_up, "table of_today") == "2", "NocoDB's own stays now"


def test_off_ends_archiving_and_every_alarm_and_on_begins_again(backed_up: Live) -> None:
    live = backed_up
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    deployed(live, quickdata_pitr=False)
    assert (setting(live, "archive_mode"), check(live), files(live)) == ("off", "", set())
    kept = summary(live)
    assert kept.off_since and kept.backups
    assert live.serves_what_was_there()
    deployed(live, quickdata_pitr=True)
    assert (setting(live, "archive_mode"), check(live), summary(live).off_since) == ("on", "", None)
    assert len(summary(live).backups) == len(kept.backups) + 1
    assert {"pitr", "keys.json", "quickdata-physical-backup"} <= files(live)
    assert live.serves_what_was_there()
