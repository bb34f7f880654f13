"""The last part of a rehearsal: damage and restore, a second deployment, and the end of the app."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from anyio import CancelScope

from pipeline.aws.account import BUCKET
from pipeline.aws.existing import IN_BUCKET
from pipeline.backups.catalogue import list_backups
from pipeline.backups.drill import DrillRequest, drill
from pipeline.backups.node import in_words, restore
from pipeline.deploy import planning
from pipeline.deploy.destroy import destroy
from pipeline.deploy.gate import gate_storage
from pipeline.deploy.order import deploy
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import PlanRefused, VerifyFailed, most_telling
from pipeline.rehearsal import cron
from pipeline.rehearsal.database import Database
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.report import Report
from pipeline.steps.step import Step
from pipeline.tofu.plan import Plan

PROOFS = (
    "deploy and verify",
    "damage and restore",
    "stack file",
    "second deploy",
    "drill",
    "app destroyed",
    "storage destroy",
)
"""The proofs of a rehearsal on local nodes, in their order."""

DATABASE_NODE = PurePosixPath("nodes/database")
CRON_FILE = DATABASE_NODE / "etc/cron.d/quickdata-pg-backup"
AGE_FILE = DATABASE_NODE / "etc/cron.d/quickdata-pg-backup-age"
UPLOAD = DATABASE_NODE / "srv/quickdata/nocodb/nc/uploads/receipt.txt"
UPLOADED = "An attachment: NocoDB keeps these in files, not in PostgreSQL.\n"
STACK_FILE = PurePosixPath("nodes/manager/opt/quickdata/stack.yml")
PROTECTED = (BUCKET, *(f"{kind}.backups" for kind in IN_BUCKET))
"""Every resource of infrastructure/terraS3."""
UNPROTECTED = "unprotected_override.tf"
"""An override file that removes the protection: such files merge `lifecycle` argument by argument.

OpenTofu's documentation, "Override Files".
"""
DOOMED = "destroy.tfplan"


async def run_epilogue(d: Deployment, surroundings: Surroundings) -> None:
    """Run the proofs of a rehearsal, and write their figures into the report.

    Args:
        d: the deployment, which has just been verified.
        surroundings: the server of its database, and the place of its drill.

    Raises:
        PipelineError: a step or a proof failed.
    """
    database = Database(d, surroundings.database)
    await damage_and_restore(d, database)
    await validate_stack_file(d)
    await deploy_again(d)
    await drill(d.cloud, d.bucket, DrillRequest(), d.progress, d.report, surroundings.site)
    await destroy_app_and_count(d)
    await try_to_destroy_storage(d)


async def damage_and_restore(d: Deployment, database: Database) -> None:
    """Write data, back it up by cron's command, write more, damage the data, restore it and compare."""
    await database.run("data: many types", "data.sql")
    await d.runner.write(UPLOAD, UPLOADED)
    good = await database.fingerprint("before the backup")
    await _back_up_by_cron(d)
    await _damage(d, database)
    prove(await database.fingerprint("after the damage") != good, "the damage changed nothing")
    restored = await restore(d)
    same = await database.fingerprint("after the restore") == good
    prove(same, "the restored data differs from the data that was backed up")
    prove(await d.runner.read(UPLOAD) == UPLOADED, "the uploaded file was not restored")
    answer = await database.sql("restore: the damaged database is kept", "SELECT 1", restored["kept"])
    prove(answer == "1", "the old database was not kept")
    words = (
        "changed rows, deleted rows, a dropped table and a removed file are all restored, by two ways of"
        " counting"
    )
    d.report.prove("damage and restore", words, **restored, fingerprints=len(good.splitlines()))


async def _back_up_by_cron(d: Deployment) -> None:
    count = await _count_backups(d)
    await _run_by_cron(d, "backup: cron's own line", CRON_FILE)
    prove(await _count_backups(d) == count + 1, "cron's command took no backup")
    await _run_by_cron(d, "backup: cron's look at its age", AGE_FILE)


async def _run_by_cron(d: Deployment, name: str, file: PurePosixPath) -> None:
    text = await d.runner.read(file)
    prove(text is not None, f"backup.yml did not write the cron file {file}")
    command = cron.read(text or "").command(str(d.runner.root / DATABASE_NODE))
    (await d.run(Step(name, command))).check()


async def _count_backups(d: Deployment) -> int:
    return sum(each.complete for each in await list_backups(d.cloud, d.bucket, DATABASE))


async def _damage(d: Deployment, database: Database) -> None:
    await database.run("data: more, after the backup", "more.sql")
    await database.run("damage: rows and a table", "damage.sql")
    (await d.run(Step("damage: an uploaded file", ("rm", str(UPLOAD))))).check()


async def validate_stack_file(d: Deployment) -> None:
    """Validate the stack file against the Compose schema, because local nodes cannot run it."""
    command = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(STACK_FILE))
    (await d.run(Step("stack file: Compose schema", command))).check()
    d.report.prove("stack file", "written, and valid by the Compose schema")


async def deploy_again(d: Deployment) -> None:
    """Deploy a second time: nothing may change."""
    again = await deploy(d)
    again.require_whole()
    what = f"the second deployment changed something: {again.plans}, changed tasks: {again.changed}"
    prove(again.nothing_changed, what)
    words = f"0 resources and 0 tasks changed; {in_words(again.proof)}"
    d.report.prove("second deploy", words, plans=again.plans, tasks=again.changed, **again.proof)


async def destroy_app_and_count(d: Deployment) -> None:
    """Destroy the app: the bucket and every backup must still exist."""
    counts = await destroy(d)
    backups = await _count_backups(d)
    prove(counts["delete"] > 0, "destroying the app removed nothing")
    prove(backups > 0, "destroying the app removed the backups too")
    words = f"{counts['delete']} resources are deleted, {backups} backups still exist"
    d.report.prove("app destroyed", words, removed=counts["delete"], backups=backups)


async def try_to_destroy_storage(d: Deployment) -> None:
    """Try to destroy storage: its own configuration must refuse, and so must the gate."""
    refused = await d.run(replace(d.storage.plan(DOOMED, destroy=True), must_fail=True))
    prove(
        "cannot be destroyed" in refused.stdout and refused.exit_code == 1,
        "storage's configuration allowed a plan that destroys it",
    )
    doomed = await _plan_unprotected(d)
    unasked = sorted(set(PROTECTED) - {each.address for each in doomed.changes})
    prove(not unasked, f"the plan for the gate does not destroy {', '.join(unasked)}")
    try:
        gate_storage(doomed)
    except PlanRefused as refusal:
        words = "refused by its own configuration and by the gate"
        d.report.prove("storage destroy", words, gate=refusal.what)
    else:
        raise VerifyFailed(
            "the gate allowed a plan that destroys storage", "do not use this version; report it"
        )


async def _plan_unprotected(d: Deployment) -> Plan:
    """Plan to destroy storage without the protection of its configuration, so that only the gate is left."""
    override = d.storage.workdir / UNPROTECTED
    try:
        await d.runner.write(override, "\n".join(map(_without_protection, PROTECTED)))
        return await planning.make_plan(d, d.storage, destroy=True, file=DOOMED)
    finally:
        with CancelScope(shield=True):
            await d.runner.remove(override)


def _without_protection(address: str) -> str:
    kind, _, name = address.partition(".")
    return f'resource "{kind}" "{name}" {{\n  lifecycle {{\n    prevent_destroy = false\n  }}\n}}\n'


@contextmanager
def expecting(report: Report, names: Iterable[str]) -> Iterator[None]:
    """Make sure that the block proves all that it promises. After a failure, list the proofs not reached.

    Args:
        report: gets that list in `not_proven`, with the reason.
        names: the names of the proofs.

    Raises:
        VerifyFailed: the block ended well, but a proof is missing.
    """
    try:
        yield
        missing = _missing(report, names)
        prove(not missing, f"it ended well without its proofs: {', '.join(missing)}")
    except BaseException as error:
        reason = _reason(report, most_telling(error))
        report.not_proven += [f"not reached: {name} ({reason})" for name in _missing(report, names)]
        raise


def _missing(report: Report, names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in report.proofs]


def _reason(report: Report, error: BaseException) -> str:
    """Return the step that failed, or the error if it is not that of a step."""
    if not isinstance(error, Exception):  # a task that is cancelled
        return "the run was interrupted"
    what = str(error).partition("\n")[0] or type(error).__name__
    failed = [step for step in report.steps if step["outcome"] == "failed"]
    cause = [
        step["name"] for step in failed if what.startswith(f"{step['name']}:") or what == step["summary"]
    ]
    return f"the step “{cause[-1]}” failed" if cause else what


def prove(proven: bool, otherwise: str) -> None:
    """Make sure that a proof of a rehearsal holds.

    Args:
        proven: the result of the proof.
        otherwise: what happened if the proof failed.

    Raises:
        VerifyFailed: the proof failed.
    """
    if not proven:
        raise VerifyFailed(f"rehearsal: {otherwise}", "this is a defect: see the report, and report it")
