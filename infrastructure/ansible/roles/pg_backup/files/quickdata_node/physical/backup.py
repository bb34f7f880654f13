"""Takes one physical backup, and proves a moment right after it.

pgBackRest takes the backup, and removes the backups and the WAL that no rule keeps. Then a proof point says
which rows a recovery to this moment must bring back, and a summary in the bucket says what can be recovered.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quickdata_node.config import Config, Options, load, parse
from quickdata_node.physical import keys, points, summary
from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.pgbackrest import PgBackRest, in_database
from quickdata_node.physical.points import Point
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, find_server
from quickdata_node.store import Store, StoreFailed

KINDS = ("auto", "full", "incr")
WEEK = timedelta(days=6, hours=12)
"""Age of a full backup at which the next one is due. Half a day less than a week, because a daily schedule
finds the full one of last week some seconds younger than seven days."""
STANDS = "the backup stands, but"
AGAIN = "the lines above say why; run physical-backup.sh again"
USAGE = """\
Usage: physical-backup.sh --config FILE [--type auto|full|incr] [--if-none]

Copies the server's files into the bucket, so that a recovery can go to any later moment.
  --type TYPE  full: all files; incr: what changed since the last backup;
               auto (the default): incr, and full when the last full one is a week old
  --if-none    take a backup only if physical backups are on and there is none yet; else check archiving

Writes one JSON line about the backup to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments.
"""


def main(run: Run, arguments: Sequence[str]) -> None:
    """Take one physical backup."""
    options = _options(arguments)
    config = load(run, Path(options.config))
    if options.if_none and not config.pitr:
        run.tell({"label": None})
        return
    keys.require_on(config)
    take_lock(run, config)
    keys.refresh(config)
    server, store = find_server(run, config), Store(config.bucket)
    backrest = in_database(server)
    backrest.create_stanza()
    before = backrest.info()
    if options.if_none and before.backups:
        backrest.check()  # these backups may be another cluster's, whose repository takes no WAL of this one
        run.tell({"label": None})
        return
    backrest.backup(choose_kind(options.type, before, datetime.now(UTC)))
    after = backrest.info()
    publish(run, store, after, prove(server, store, backrest))
    remove_old_points(run, store, config.database, after)


def _options(arguments: Sequence[str]) -> Options:
    options = parse(arguments, USAGE, ("--type",), ("--if-none",))
    if options.type not in ("", *KINDS):
        raise Failed(f"--type {options.type} is not auto, full or incr", "see --help", 2)
    return options


def take_lock(run: Run, config: Config) -> None:
    """Take the lock of the physical runs. A logical backup or restore may run at the same time."""
    config.physical_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run.take_lock(config.physical_dir / "lock", config.physical_dir)


def choose_kind(wanted: str, info: Info, now: datetime) -> str:
    """Return the kind of the backup to take: full or incr.

    Args:
        wanted: the option's value; auto or an empty string lets the age of the last full one decide.
        info: what the repository holds.
        now: the current time, in UTC.
    """
    if wanted in ("full", "incr"):
        return wanted
    full = info.newest_full
    return "full" if full is None or now - full.started_at >= WEEK else "incr"


def prove(server: Server, store: Store, backrest: PgBackRest) -> Point:
    """Make a proof point, wait until its WAL is in the bucket, and write its file."""
    point = points.make(server, server.config.database)
    backrest.check()
    try:
        points.write(store, point)
    except StoreFailed as error:
        raise Failed(f"{STANDS} its proof point cannot be written", AGAIN) from error
    return point


def publish(run: Run, store: Store, info: Info, point: Point) -> None:
    """Write the summary, and report the backup."""
    backup = info.backups[-1]
    run.hold_signals()  # a backup that exists must not be reported as interrupted; the rest takes seconds
    try:
        summary.write(store, summary.summarize(info, point))
    except StoreFailed as error:
        raise Failed(f"{STANDS} its summary cannot be written", AGAIN) from error
    run.tell({**describe(backup, point), "seconds": run.seconds()})
    run.log(f"physical backup {backup.label} is complete, and proven at {point.name}")
    run.achieved = f"physical backup {backup.label} of {point.database}: {backup.stored_bytes} bytes in S3"


def describe(backup: PhysicalBackup, point: Point) -> dict[str, str | int]:
    """Return the figures of a backup and of its point, for the JSON line."""
    return {
        "label": backup.label,
        "type": backup.kind,
        "bytes": backup.stored_bytes,
        "database_bytes": backup.database_bytes,
        "point": point.name,
        "lsn": point.lsn,
        "tables": sum(table.kind != "large objects" for table in point.tables),
        "rows": sum(table.rows or 0 for table in point.tables if table.kind == "table"),
    }


def remove_old_points(run: Run, store: Store, database: str, info: Info) -> None:
    """Remove the points from before the oldest backup: no recovery reaches them."""
    oldest = info.backups[0].finished_at
    try:
        for name in points.list_points(store, database):
            if points.time_of(name) < oldest:
                run.log(f"removing {name}")
                points.remove(store, database, name)
    except StoreFailed as error:
        fix = "the lines above say why; the next run tries again"
        raise Failed(f"{STANDS} old points could not be removed", fix) from error
