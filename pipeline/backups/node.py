"""Back up, verify and restore with the two commands of the database node."""

import json
from typing import Any

from pipeline.ansible.playbooks import printed_text
from pipeline.backups import nocodb
from pipeline.deployment import Deployment
from pipeline.errors import ToolError, VerifyFailed
from pipeline.steps.step import Step

Figures = dict[str, Any]
IN_PART = 5
"""The program's exit code if the restore is live, but objects are missing or have other definitions."""


async def backup(d: Deployment) -> Figures:
    """Take a backup.

    Returns:
        The backup's id, prefix, bytes, tables, rows, and how many seconds it took.

    Raises:
        PipelineError: the backup failed; the bucket has no new backup.
    """
    return await run_command(d, command(d, "backup", "backup-pg.sh"))


async def verify(d: Deployment, backup_id: str | None = None) -> Figures:
    """Restore a backup into a scratch database and compare it; the live database is not touched.

    Args:
        d: the deployment.
        backup_id: which backup; None takes a new one.

    Returns:
        The figures of the new backup, if any, and of the comparison.

    Raises:
        VerifyFailed: the restored data differs from the manifest, or there was nothing to compare.
        PipelineError: the backup or the comparison failed.
    """
    figures = {} if backup_id else {"backup": await backup(d)}
    chosen = backup_id or figures["backup"]["id"]
    name = "verify: restore and compare"
    proof = await run_command(d, command(d, name, "restore-pg-latest.sh", "--id", chosen, "--verify"))
    require_same(name, proof)
    return figures | {"comparison": proof}


async def physical_backup(d: Deployment, kind: str = "auto", if_none: bool = False) -> Figures:
    """Take a physical backup, and prove a moment right after it.

    Args:
        d: the deployment.
        kind: full, incr, or auto, which lets the age of the last full one decide.
        if_none: take it only if physical backups are on and there is none yet.

    Returns:
        The backup's label, type, bytes and proof point, and how many seconds it took. If none was taken,
        the label is None. `warning` says what the operator has to know, and `heard` whether somebody hears
        the alarm, where the node tells it.

    Raises:
        PipelineError: the backup failed.
    """
    options = ["--type", kind, *(["--if-none"] if if_none else [])]
    return await run_command(d, command(d, "physical backup", "physical-backup.sh", *options))


async def restore(
    d: Deployment,
    backup_id: str | None = None,
    from_database: str | None = None,
    keep_going: bool = False,
) -> Figures:
    """Replace the live database by a restored backup, with NocoDB stopped. The old database is kept.

    Args:
        d: the deployment.
        backup_id: which backup; None means the newest.
        from_database: the database of the backup; None means the deployed one.
        keep_going: go live without the objects that cannot be built; `missing_objects` lists them.

    Returns:
        The figures, with the new name of the old database, and on real nodes with nocodb_away_seconds: how
        long NocoDB was down.

    Raises:
        PipelineError: the restore failed; the live database was not touched.
    """
    options = ["--id", backup_id] if backup_id else []
    options += ["--from-database", from_database] if from_database else []
    options += ["--keep-going"] if keep_going else []
    async with nocodb.away(d) as away:
        result = await d.run(command(d, "restore", "restore-pg-latest.sh", *options))
        figures = read_figures("restore", printed_text(result, IN_PART))
    return figures | ({"nocodb_away_seconds": away.seconds} if d.real_nodes else {})


def in_words(proof: Figures) -> str:
    """Return the result of a verification, in words."""
    comparison = proof["comparison"]
    backed_up = f"backed up in {proof['backup']['seconds']} s, " if "backup" in proof else ""
    restored = f"restored and compared in {comparison['seconds']} s, {comparison['mismatches']} tables differ"
    data = f"{comparison['tables']} tables with {comparison['rows']} rows"
    return f"{data} {backed_up}{restored} (backup {comparison['id']}){refused_settings(comparison)}"


def refused_settings(figures: Figures) -> str:
    """Return the settings, grants and roles that the server refused, in words; empty if there are none."""
    refused = figures.get("refused") or []
    return f"; the server refused {len(refused)}: {'; '.join(refused)}" if refused else ""


def missing_objects(figures: Figures) -> list[str]:
    """Return the objects that a restore could not build, each with its reason and a command that builds it.

    The objects with other definitions follow.
    """
    found = [(each, "build it by") for each in figures.get("missing") or []]
    found += [(each, "new rows are checked; validate it by") for each in figures.get("not_valid") or []]
    lines = [f"{each['what']}: {each['why']}\n  {how}: {_in_a_line(each['command'])}" for each, how in found]
    return [*lines, *(figures.get("otherwise") or [])]


def _in_a_line(command: str) -> str:
    return " ".join(command.split())


def command(d: Deployment, name: str, program: str, *options: str) -> Step:
    """Return the step that runs one of the node's commands.

    Args:
        d: the deployment.
        name: the name of the step, which users see.
        program: the name of the command, such as backup-pg.sh.
        options: its options, besides --config.
    """
    prefix = str(d.hosts.get("database", {}).get("node_prefix", ""))
    config = ("--config", f"{prefix}/etc/quickdata/pg-backup.conf")
    return d.ansible.on_database(name, f"{prefix}/usr/local/sbin/{program}", *config, *options)


async def run_command(d: Deployment, step: Step) -> Figures:
    """Run a command on the database node, and return its figures."""
    return read_figures(step.name, printed_text(await d.run(step)))


def read_figures(name: str, output: str) -> Figures:
    """Return the JSON line at the end of a command's output.

    Raises:
        ToolError: the output does not end with such a line.
    """
    try:
        return dict(json.loads(output.strip().splitlines()[-1]))
    except (ValueError, TypeError, IndexError) as error:
        what = f"{name}: the command did not report its figures"
        raise ToolError(what, "deploy again, which installs the program") from error


def require_same(name: str, proof: Figures) -> None:
    """Make sure that tables were compared, and that none differs.

    Raises:
        VerifyFailed: a table differs, or there was nothing to compare.
    """
    if proof.get("mismatches") != 0 or not proof.get("tables"):
        what = f"{name}: {proof.get('tables')} tables compared, {proof.get('mismatches')} differ"
        fix = "do not rely on this backup; check whether the database has tables, then take a new backup"
        raise VerifyFailed(what, fix)
