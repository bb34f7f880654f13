"""A real backup restored into a PostgreSQL off the node, compared, and timed."""

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
"""Begins the names of the secrets on their way to the program, which takes no AWS_* and PG* from outside."""

TOKEN = f"{CARRIED}AWS_WEB_IDENTITY_TOKEN_FILE"
"""Goes as a file: with it, boto3 gets keys again when those that it has end, after an hour by default."""
LACKS, DIFFERS = 3, 4
"""The program's exit codes: the server lacks something; what came back is not what was backed up."""
FAILED = " FAILED: "
"""Begins the reason in the program's last line."""


@dataclass(frozen=True)
class DrillRequest:
    """Which backup is restored, and what is asked of it.

    Args:
        database: whose backup.
        backup_id: which one; None is the newest.
        max_age: how old the newest snapshot may be; None is any age.
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

    Nothing stays but verified.json beside the backup, which says RPO and RTO too. The live database, its
    node and its server are not asked for anything.

    Args:
        cloud: where the bucket is.
        bucket: its name.
        request: which backup.
        progress: told of everything that happens.
        report: notes the steps and the proof.
        place: where the server and the program run.

    Returns:
        The comparison's figures, with rpo_seconds (the snapshot's age when the drill began) and rto_seconds
        (from then until the compared database could be used, the server's start included).

    Raises:
        VerifyFailed: there is no backup, it is not what was backed up, or the newest one is too old.
        ServerLacks: the server cannot hold it.
        PipelineError: the bucket cannot be read, there is no room, or the restore could not be done.
    """
    began = datetime.now(UTC)
    listed = await list_backups(cloud, bucket, request.database)
    backup = _choose(listed, request)
    stale = _staleness(listed, request.max_age, began)
    if stale:
        progress.note(f"! drill: {stale}; it is restored all the same, to know whether it could be")
    async with place(partial(_secrets_by_name, cloud), backup, progress) as site:
        secrets = _secrets_by_name(cloud, site.server)
        values = _values(cloud, bucket, request.database, site) | _figures_so_far(backup, began)
        await site.runner.write(CONFIGURATION, _configuration(site.runner.root, values, secrets), 0o600)
        result = await run_and_record(site.runner, report, _step(site, backup, secrets))
        figures = _proof(result, backup, request.database, site) | {"server": site.called}
    report.prove("drill", in_words(figures), **figures)
    if stale:
        fix = "see /var/log/quickdata/backup.log on the database node, and run `quickdata backup`"
        raise VerifyFailed(stale, fix, f"restored all the same: {in_words(figures)}")
    return figures


def in_words(figures: Figures) -> str:
    """Return what a drill proved, in words."""
    server = figures["server"]
    what = f"{figures['tables']} tables with {figures['rows']} rows restored from S3 into {server}"
    rpo, rto = duration(figures["rpo_seconds"]), f"{figures['rto_seconds']} s"
    words = f"{what}, {figures['mismatches']} differ (backup {figures['id']}); RPO {rpo}, RTO {rto}"
    locale = figures.get("stand_in_locale")
    sorted_by = f"; sorted by {locale}: its server lacks the database's locale" if locale else ""
    return f"{words}{sorted_by}{refused_settings(figures)}"


def _choose(listed: list[Backup], request: DrillRequest) -> Backup:
    try:
        return choose(listed, request.backup_id, request.database)
    except BackupError as error:  # nothing to verify is a failure of the verification
        raise VerifyFailed(error.what, error.fix) from error


def _staleness(listed: list[Backup], max_age: timedelta | None, began: datetime) -> str:
    """Return why the newest backup is not as fresh as it should be; nothing if it is."""
    newest = next(each for each in listed if each.complete)
    return age_problem(newest, max_age, began) if max_age else ""


def _values(cloud: Cloud, bucket: str, database: str, site: Site) -> dict[str, str]:
    direct = {"NO_PROXY": "*", "no_proxy": "*"}  # for an emulator, which is on this machine or beside it
    endpoint = {"AWS_ENDPOINT_URL": cloud.endpoint, **direct} if cloud.endpoint else {}
    role = {"AWS_ROLE_ARN": cloud.identity.role, "AWS_ROLE_SESSION_NAME": SESSION} if cloud.identity else {}
    return {
        **endpoint,
        **role,
        **site.env,
        "DATABASE": database,
        "BACKUP_BUCKET": bucket,
        "AWS_REGION": cloud.region,
        "KEEP_DAILY": "1",  # asked for, though only a backup prunes
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
    """Return the program's configuration; the secrets' values are not in it, the environment has them."""
    places = {"STATE_DIR": str(root / "state"), "LOCK_FILE": str(root / "lock")}
    lines = [f"{name}={shlex.quote(value)}" for name, value in {**values, **places}.items()]
    lines += [f"{name.removeprefix(CARRIED)}=${name}" for name in secrets]
    return "\n".join(lines) + "\n"


def _step(site: Site, backup: Backup, secrets: Collection[str]) -> Step:
    python = (site.python, "-I", "-B", "-X", "utf8")  # -B: no compiled code stays beside the program
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
        fix = f"{tried} tries an older one; take a new one with `quickdata backup`; find out why they differ"
        tail = "\n".join(result.stderr.splitlines()[-3:])
        raise VerifyFailed(f"{NAME}: backup {backup.id} is not what was backed up", fix, tail)
    figures = read_figures(NAME, result.check().stdout)
    require_same(NAME, figures)
    return figures
