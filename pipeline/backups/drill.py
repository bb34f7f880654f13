"""A drill: restore a real backup into a PostgreSQL off the node, compare it, and measure the time."""

import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath

from pipeline.aws.account import Cloud
from pipeline.aws.web_identity import SESSION
from pipeline.backups.age import age_problem
from pipeline.backups.catalogue import Backup, choose, list_backups
from pipeline.backups.node import Figures, read_figures, refused_settings, require_same
from pipeline.backups.site import OpenSite, Server, Site
from pipeline.deployment import DATABASE, run_and_record
from pipeline.errors import BackupError, ServerLacks, VerifyFailed
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.steps.step import Result, Step
from pipeline.units import duration

COMMAND = "restore-pg-latest.sh"
CONFIGURATION = PurePosixPath("restore.conf")
NAME = "drill: restore and compare"
CARRIED = "HELD_"
"""The prefix of variables with secrets for the program, which ignores AWS_* and PG* of its environment."""

TOKEN = f"{CARRIED}AWS_WEB_IDENTITY_TOKEN_FILE"
"""Passed as a file: boto3 reads it again to get new keys when the keys expire, after an hour by default."""
LACKS, DIFFERS = 3, 4
"""The program's exit codes: the server lacks something; the restored data differs from the manifest."""
FAILED = " FAILED: "
"""In the program's last line, the reason follows this text."""


@dataclass(frozen=True)
class DrillRequest:
    """Which backup to restore, and how old it may be.

    Args:
        database: the database of the backup.
        backup_id: the backup's id; None means the newest.
        max_age: how old the newest snapshot may be; None means any age.
    """

    database: str = DATABASE
    backup_id: str | None = None
    max_age: timedelta | None = None


async def drill(
    cloud: Cloud,
    bucket: str,
    request: DrillRequest,
    progress: Progress,
    report: Report,
    place: OpenSite,
) -> Figures:
    """Restore a backup into a PostgreSQL off the node and compare it with its manifest.

    Only verified.json beside the backup remains afterwards; it also has RPO and RTO. The live database, its
    server and its node are not used.

    Args:
        cloud: the AWS account and region of the bucket.
        bucket: the bucket's name.
        request: which backup to restore.
        progress: shows notes and steps to the user.
        report: records the steps and the proof.
        place: where the server and the program run.

    Returns:
        The figures of the comparison, with rpo_seconds (the snapshot's age when the drill began) and
        rto_seconds (from then until the compared database could be used, with the start of the server).

    Raises:
        VerifyFailed: there is no backup, the restored data differs, or the newest backup is too old.
        ServerLacks: the server lacks something that the database needs.
        PipelineError: the bucket cannot be read, the disk has no space, or the restore failed.
    """
    began = datetime.now(UTC)
    listed = await list_backups(cloud, bucket, request.database)
    backup = _choose(listed, request)
    stale = _staleness(listed, request.max_age, began)
    if stale:
        progress.note(f"! drill: {stale}; it is still restored, to find out whether it works")
    async with place(partial(_secrets_by_name, cloud), backup, progress) as site:
        secrets = _secrets_by_name(cloud, site.server)
        values = _values(cloud, bucket, request.database, site) | _figures_so_far(backup, began)
        await site.runner.write(CONFIGURATION, _configuration(site.runner.root, values, secrets), 0o600)
        result = await run_and_record(site.runner, report, _step(site, backup, secrets))
        figures = _proof(result, backup, request.database, site) | {"server": site.called}
    report.prove("drill", in_words(figures), **figures)
    if stale:
        fix = "see /var/log/quickdata/backup.log on the database node, and run `quickdata backup`"
        raise VerifyFailed(stale, fix, f"the restore itself worked: {in_words(figures)}")
    return figures


def in_words(figures: Figures) -> str:
    """Return the result of a drill, in words."""
    server = figures["server"]
    what = f"{figures['tables']} tables with {figures['rows']} rows restored from S3 into {server}"
    rpo, rto = duration(figures["rpo_seconds"]), f"{figures['rto_seconds']} s"
    words = f"{what}, {figures['mismatches']} differ (backup {figures['id']}); RPO {rpo}, RTO {rto}"
    locale = figures.get("stand_in_locale")
    sorted_by = f"; sorted by {locale}, because the server lacks the database's locale" if locale else ""
    return f"{words}{sorted_by}{refused_settings(figures)}"


def _choose(listed: list[Backup], request: DrillRequest) -> Backup:
    try:
        return choose(listed, request.backup_id, request.database)
    except BackupError as error:  # without a backup, the verification fails
        raise VerifyFailed(error.what, error.fix) from error


def _staleness(listed: list[Backup], max_age: timedelta | None, began: datetime) -> str:
    """Return why the newest backup is too old; empty if it is not."""
    newest = next(each for each in listed if each.complete)
    return age_problem(newest, max_age, began) if max_age else ""


def _values(cloud: Cloud, bucket: str, database: str, site: Site) -> dict[str, str]:
    direct = {"NO_PROXY": "*", "no_proxy": "*"}  # no proxy leads to an emulator
    endpoint = {"AWS_ENDPOINT_URL": cloud.endpoint, **direct} if cloud.endpoint else {}
    role = {"AWS_ROLE_ARN": cloud.identity.role, "AWS_ROLE_SESSION_NAME": SESSION} if cloud.identity else {}
    return {
        **endpoint,
        **role,
        **site.env,
        "DATABASE": database,
        "BACKUP_BUCKET": bucket,
        "AWS_REGION": cloud.region,
        "KEEP_DAILY": "1",  # required by the configuration, but only a backup removes old backups
        "KEEP_WEEKLY": "0",
        **site.server.settings,
    }


def _figures_so_far(backup: Backup, began: datetime) -> dict[str, str]:
    rpo = max((began - backup.taken).total_seconds(), 0)
    return {"DRILL_STARTED": f"{began.timestamp():.3f}", "DRILL_RPO": f"{rpo:.1f}"}


def _secrets_by_name(cloud: Cloud, server: Server) -> dict[str, str]:
    password = {f"{CARRIED}PGPASSWORD": server.password} if server.password else {}
    if cloud.identity:
        return {TOKEN: cloud.identity.token, **password}
    return {CARRIED + name.upper(): value for name, value in cloud.credentials.items()} | password


def _configuration(root: PurePosixPath, values: Mapping[str, str], secrets: Iterable[str]) -> str:
    """Return the program's configuration. It names the variables that hold the secrets, not their values."""
    places = {"STATE_DIR": str(root / "state"), "LOCK_FILE": str(root / "lock")}
    lines = [f"{name}={shlex.quote(value)}" for name, value in {**values, **places}.items()]
    lines += [f"{name.removeprefix(CARRIED)}=${name}" for name in secrets]
    return "\n".join(lines) + "\n"


def _step(site: Site, backup: Backup, secrets: Collection[str]) -> Step:
    python = (site.python, "-I", "-B", "-X", "utf8")  # -B: write no compiled code beside the program
    options = ("--config", str(site.runner.root / CONFIGURATION), "--id", backup.name, "--verify")
    words = (*python, site.program, COMMAND, *options)
    files = tuple(name for name in secrets if name == TOKEN)
    return Step(NAME, words, secrets=tuple(name for name in secrets if name != TOKEN), secret_files=files)


def _proof(result: Result, backup: Backup, database: str, site: Site) -> Figures:
    if result.exit_code == LACKS:
        said = result.stderr.strip().rpartition(FAILED)[2].rpartition("; ")[0]
        what = f"drill: {site.called} cannot hold backup {backup.id}: {said}; nothing was restored"
        raise ServerLacks(what, site.elsewhere)
    if result.exit_code == DIFFERS:
        tried = f"`quickdata drill --database {shlex.quote(database)} --id ID`"
        fix = (
            f"take a new backup with `quickdata backup`; {tried} tries an older one; find out why they differ"
        )
        tail = "\n".join(result.stderr.splitlines()[-3:])
        raise VerifyFailed(f"{NAME}: backup {backup.id} differs from what was backed up", fix, tail)
    figures = read_figures(NAME, result.check().stdout)
    require_same(NAME, figures)
    return figures
