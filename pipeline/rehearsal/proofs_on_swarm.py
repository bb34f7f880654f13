"""The last part of a rehearsal on a Swarm: a user's data in NocoDB is damaged and restored."""

import httpx

from pipeline.backups import recovery
from pipeline.backups.drill import DrillRequest, drill
from pipeline.backups.node import backup, restore
from pipeline.backups.places import on_this_machine
from pipeline.backups.recovery import Target, recover
from pipeline.deployment import (
    ADMINER_PORT,
    DATABASE,
    DATABASE_SERVICE,
    DATABASE_USER,
    NOCODB_PORT,
)
from pipeline.rehearsal.nocodb_user import Base, User, signed_in
from pipeline.rehearsal.proofs import deploy_again, destroy_app_and_count, prove, try_to_destroy_storage
from pipeline.rehearsal.swarm import Swarm
from pipeline.servers.docker import docker
from pipeline.targets.emulator import OWNER

PROOFS = (
    "deploy and verify",
    "damage and restore",
    "recovery",
    "second recovery",
    "Adminer",
    "second deploy",
    "physical drill",
    "drill",
    "app destroyed",
    "storage destroy",
)
"""The proofs of a rehearsal on a Swarm, in their order."""
PHYSICAL = ("recovery", "second recovery", "physical drill")
"""Those that need physical backups."""
TABLE = "nc_bases_v2"
"""A table that NocoDB itself creates."""
TABLES = "select schemaname, tablename from pg_tables where tablename ~* 'customers'"
NOW = "select clock_timestamp()"
RUNNING = f"label=com.docker.swarm.service.name=nocodb_{DATABASE_SERVICE}"
UPLOADS = "/srv/quickdata/nocodb/nc/uploads"
RECEIPT = b"An attachment: NocoDB keeps these in files, not in PostgreSQL.\n"
NAMES = (
    "Ada Lovelace",
    "Grace Hopper",
    "Edsger Dijkstra",
    "Barbara Liskov",
    "Donald Knuth",
    "Katherine Johnson",
    "Alan Turing",
    "Radia Perlman",
)


async def run_swarm_epilogue(s: Swarm, physical: bool = True) -> None:
    """Run the proofs of a rehearsal on a Swarm, and write their figures into the report.

    Args:
        s: the deployment, which has just been verified.
        physical: whether it takes physical backups.

    Raises:
        PipelineError: a step or a proof failed.
    """
    await damage_and_restore_bases(s)
    if physical:
        await drop_a_table_and_recover(s)
    await look_into_adminer(s)
    await deploy_again(s.d)
    if physical:
        drilled = await recovery.drill(s.d)
        s.d.report.prove("physical drill", recovery.drill_in_words(drilled), **drilled)
    await drill(s.d.cloud, s.d.bucket, DrillRequest(), s.d.progress, s.d.report, on_this_machine())
    await destroy_app_and_count(s.d)
    await try_to_destroy_storage(s.d)


async def damage_and_restore_bases(s: Swarm) -> Base:
    """Create two bases, back up, damage one and drop the other, restore: NocoDB must show both again.

    Returns:
        The damaged base.
    """
    async with signed_in(*where(s)) as user:
        kept, dropped = (
            await user.make("Customers", NAMES, RECEIPT),
            await user.make("Orders", NAMES, RECEIPT),
        )
        good = await user.names(kept)
        await backup(s.d)
        await _damage(s, user, kept, dropped)
        prove(await user.names(kept) != good, "the damage changed nothing")
        prove(await user.file(kept) != RECEIPT, "the damage did not remove the attachment")
    back = await restore(s.d)
    async with signed_in(*where(s)) as user:
        prove(await user.names(kept) == good, "the restored rows differ from the rows that were backed up")
        prove(await user.names(dropped) == good, "the dropped base was not restored")
        prove(await user.file(kept) == RECEIPT, "the attachment was not restored")
    words = (
        "NocoDB shows the changed rows, the dropped base and the removed attachment again;"
        f" it was down for {back['nocodb_away_seconds']} s"
    )
    s.d.report.prove("damage and restore", words, **back)
    return kept


async def drop_a_table_and_recover(s: Swarm) -> None:
    """Drop a table that NocoDB shows, recover to the moment before, and then to the moment after it.

    The first one has undone that moment. So nothing is lost when an operator chooses a wrong moment.
    """
    async with signed_in(*where(s)) as user:
        base = await user.make("Invoices", NAMES, RECEIPT)
        good = await user.names(base)
    before = await _sql(s, NOW)
    await _sql(s, f"drop table {await _table(s, base)} cascade")
    dropped = await _sql(s, NOW)
    back = await recover(s.d, Target(time=before))
    async with signed_in(*where(s)) as user:
        prove(await user.names(base) == good, "the recovered rows differ from those before the drop")
    away = f"NocoDB was down for {back['nocodb_away_seconds']} s"
    s.d.report.prove("recovery", f"NocoDB shows the rows of the table that was dropped; {away}", **back)
    after = await recover(s.d, Target(time=dropped))
    prove(not await _table(s, base), "the second recovery did not go to the moment after the drop")
    away = f"NocoDB was down for {after['nocodb_away_seconds']} s"
    s.d.report.prove("second recovery", f"to the moment after the table was dropped; {away}", **after)


async def _table(s: Swarm, base: Base) -> str:
    """Return the name of a base's table; empty if it is not there. Each base has a schema of its own."""
    names = (line.split("|") for line in (await _sql(s, TABLES)).splitlines())
    return next((f'"{schema}"."{name}"' for schema, name in names if schema == base.id), "")


async def _sql(s: Swarm, statement: str) -> str:
    """Run SQL in the database's container, and return what it prints."""
    on_node = ("exec", s.nodes.container("database"), "docker")
    found = await docker(*on_node, "ps", "--quiet", "--filter", RUNNING)
    psql = ("psql", "-XqAt", f"--username={DATABASE_USER}", f"--dbname={DATABASE}", "--command", statement)
    return await docker(*on_node, "exec", found, *psql)


def where(s: Swarm) -> tuple[str, str, str]:
    """Return NocoDB's address, and the name and password of its first user."""
    domain = s.d.common.get("nocodb_domain")
    url = f"https://{domain}" if domain else f"http://{s.nodes.addresses['database']}:{NOCODB_PORT}"
    return url, OWNER, s.secrets["vault_nocodb_admin_password"]


async def _damage(s: Swarm, user: User, kept: Base, dropped: Base) -> None:
    first, second, *_ = await user.names(kept)
    await user.rename(kept, first, "Mallory")
    await user.remove(kept, second)
    await user.drop(dropped)
    step = s.d.ansible.on_database("damage: the attachments", "find", UPLOADS, "-type", "f", "-delete")
    (await s.d.run(step)).check()


async def look_into_adminer(s: Swarm) -> None:
    """Sign in to Adminer, as a user does: it must show the tables of the restored database."""
    url = f"http://{s.nodes.addresses['manager']}:{ADMINER_PORT}/"
    login = {
        "driver": "pgsql",
        "server": DATABASE_SERVICE,
        "username": DATABASE_USER,
        "password": s.secrets["vault_db_password"],
        "db": DATABASE,
    }
    async with httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as http:
        prove((await http.get(url)).is_success, f"Adminer does not answer at {url}")
        page = await http.post(url, data={f"auth[{name}]": value for name, value in login.items()})
    prove(TABLE in page.text, f"Adminer at {url} does not show the table {TABLE}")
    s.d.report.prove("Adminer", "a user signs in to the restored database and sees its tables")
