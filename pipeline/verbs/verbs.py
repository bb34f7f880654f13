"""What the verbs do with a deployment, and how they report it, wherever they are called.

A verb's own options are its parameters, with their help.
"""

from pathlib import PurePosixPath
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import node as scripts
from pipeline.deploy import adopt as adoption
from pipeline.deploy import check as checks
from pipeline.deploy import order
from pipeline.deploy import preview as previews
from pipeline.deploy import status as statuses
from pipeline.deploy.agreement import Agree, refused
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import SettingsError
from pipeline.states.ready import lock_found
from pipeline.tofu.stack import Stack

PLANS = SavedPlans(PurePosixPath("infrastructure/.plan"))
"""Plans in a workspace that goes: hidden, and so no part of the code that they are made for."""

WithoutBackup = Annotated[
    str, Doc("The database's name, to take no backup first: its database is dead already.")
]
StackName = Annotated[str, Doc("storage or app.")]
BackupId = Annotated[str | None, Doc("Which backup of those that `backups` lists.")]
Database = Annotated[str, Doc("Whose backups.")]
FromDatabase = Annotated[str, Doc("Whose backup.")]


async def check(d: Deployment) -> None:
    """Look at every input, tool, credential, the bucket and the vault; change nothing."""
    found = await checks.check(d)
    d.progress.note("\n".join(map(str, found)))
    d.report.findings.extend(map(str, found))
    checks.require_good(found, shown=True)


async def status(d: Deployment) -> None:
    """Tell how the deployment is: bucket, backups, nodes, services, drift; change nothing there.

    Fails when something is not as it should be, or could not be looked at.
    """
    found = await statuses.status(d)
    d.report.findings.extend(map(str, found))
    statuses.require_well(found)


async def plan(d: Deployment) -> None:
    """Show what deploy would do, and keep the plans in a folder; change nothing.

    plan.json in it holds counts only; the plans beside it hold what the states hold.
    """
    seen = await previews.preview(d, PLANS)
    d.report.findings.append(seen.page())
    seen.require_allowed()


async def adopt(d: Deployment, stack: StackName) -> None:
    """Bring a lost state back: import what exists in AWS, and prove it by a plan without changes."""
    lost = _stack(d, stack)
    done = await adoption.adopt(d, lost, await adoption.look(d, lost))
    d.report.prove(
        "adopt", f"{done.imported} resources imported; missing: {', '.join(done.missing) or 'nothing'}"
    )


async def unlock(d: Deployment, stack: StackName) -> None:
    """Break a lock that a dead run left behind. Only if that run is dead: two at once can lose a state."""
    locked = _stack(d, stack)
    found = await lock_found(d, locked)
    if found is not None:
        await d.backend.release(locked, found)
    d.report.prove(stack, f"the lock is gone: {found}" if found else "nobody holds a lock")


def _stack(d: Deployment, name: str) -> Stack:
    for each in (d.storage, d.app):
        if each.name == name:
            return each
    raise SettingsError(f"there is no stack {name!r}", "it is storage or app")


async def deploy(d: Deployment, saved: SavedPlans | None = None, agree: Agree = refused) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back."""
    deployed = await order.deploy(d, saved, agree)
    d.report.prove("deploy and verify", scripts.in_words(deployed.proof), **deployed.proof)


async def destroy(d: Deployment, without_backup: WithoutBackup = "") -> None:
    """Destroy the app: nodes, disks, network. The bucket and its backups stay.

    NocoDB is stopped, a backup is taken and verified first; if that fails, nothing is destroyed.
    """
    if without_backup not in ("", DATABASE):
        raise SettingsError(f"there is no database {without_backup!r}", f"--without-backup takes {DATABASE}")
    if not without_backup:
        await order.reachable(d)
    counts = await order.destroy(d, backed_up=not without_backup)
    d.report.prove(
        "destroy", f"{counts['delete']} resources are gone; the backups are in {d.bucket}", **counts
    )


async def backup(d: Deployment) -> None:
    """Take a backup now."""
    await order.reachable(d)
    made = await scripts.backup(d)
    words = f"{made['tables']} tables with {made['rows']} rows in {made['seconds']} s (backup {made['id']})"
    d.report.prove("backup", d.advice(f"{words}; `quickdata verify` restores one and compares it"), **made)


async def verify(d: Deployment, backup_id: BackupId = None) -> None:
    """Take a backup, restore it into a scratch database on the node, compare; safe on a live system."""
    await order.reachable(d)
    proof = await scripts.verify(d, backup_id)
    d.report.prove("verify", scripts.in_words(proof), **proof)


async def restore(d: Deployment, backup_id: BackupId = None, from_database: FromDatabase = DATABASE) -> None:
    """Restore a backup in place of the live database, which is kept beside it."""
    await order.reachable(d)
    back = await scripts.restore(d, backup_id, from_database)
    words = f"{back['rows']} rows compared; the old database is {back['kept']}"
    if d.real_nodes:
        words += f"; NocoDB was away for {back['nocodb_away_seconds']} s"
    d.report.prove("restore", words, **back)
