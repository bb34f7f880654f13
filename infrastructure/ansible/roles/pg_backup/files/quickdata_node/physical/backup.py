"""Takes one physical backup, and proves a moment right after it.

pgBackRest takes the backup, and a summary in the bucket says what can be recovered. A backup with damaged
pages ends the run. Only a good one lets pgBackRest remove the backups and the WAL that no rule keeps. Then a
proof point says which rows a recovery to this moment must bring back. If there is no point, the backup counts
all the same, and the run fails.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quickdata_node.config import Config, load
from quickdata_node.options import Options, parse
from quickdata_node.physical import archive, keys, off, points, summary
from quickdata_node.physical.gaps import Gap, find_gaps, note_found
from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.pgbackrest import PgBackRest, in_database, stop_backups
from quickdata_node.physical.points import Point
from quickdata_node.physical.summary import Summary
from quickdata_node.physical.timelines import read_history
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, find_server
from quickdata_node.store import Store, StoreFailed

KINDS = ("auto", "full", "incr")
WEEK = timedelta(days=6, hours=12)
"""Age of a full backup at which the next one is due. Half a day less than a week, because a daily schedule
finds the full one of last week some seconds younger than seven days."""
STANDS = "the backup stands, but"
KEEP = 2
"""Good full backups of this cluster to keep, with all that depends on them."""
AGAIN = "the lines above say why; run physical-backup.sh again"
USAGE = """\
Usage: physical-backup.sh --config FILE [--type auto|full|incr] [--if-none | --take-over]

Copies the server's files into the bucket, so that a recovery can go to any later moment.
  --type TYPE  full: all files; incr: what changed since the last backup;
               auto (the default): incr, and full when the last full one is a week old or damaged
  --if-none    take a backup only if physical backups are on and there is none yet; else check archiving
  --take-over  let this cluster have another one's repository, whose backups stay until it has two full ones

Writes one JSON line about the backup to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 4 the backup holds damaged pages.
"""


def main(run: Run, arguments: Sequence[str]) -> None:
    """Take one physical backup."""
    options = _options(arguments)
    config = load(run, Path(options.config))
    keys.require_volume(config)
    if options.if_none and not config.pitr:
        run.tell({"label": None, **off.note(run, config.bucket, config.database)})
        return
    keys.require_on(config)
    take_lock(run, config)
    known = off.note_on(run, config.bucket, config.database)
    keys.refresh(config)
    server = find_server(run, config)
    backrest = in_database(server)
    stop_backups(run, server.container)  # a killed run's, which still works in the container
    backrest.take_over() if options.take_over else backrest.create_stanza()
    take(run, server, backrest, options, known)


def take(run: Run, server: Server, backrest: PgBackRest, options: Options, known: Summary) -> None:
    """Take a backup, unless `--if-none` asks for one that is there already, with a proof point.

    Raises:
        Failed: the bucket has backups, and does not take this server's WAL: a backup would be worth nothing.
            What the summary says does not matter. A volume from a snapshot may come when they were off.
    """
    before = backrest.info()
    if before.good:
        archive.require_taken(server, backrest)
        if options.if_none and known.point and not known.on_since:
            run.tell({"label": None, "heard": run.is_heard})
            return
    backup(run, server, backrest, choose_kind(options.type, before, datetime.now(UTC)), known)


def backup(run: Run, server: Server, backrest: PgBackRest, kind: str, known: Summary) -> None:
    """Take a backup, list it, remove what it replaces, and prove a moment."""
    database, store = server.config.database, Store(server.config.bucket)
    backrest.backup(kind)
    taken = backrest.info()
    proven = newest_point(store, database, taken)
    publish(store, summary.summarize(database, taken, proven, known))
    kept = remove_replaced(run, backrest, taken)
    listed = summary.summarize(database, kept, proven, known, note_gaps(backrest, kept, known))
    publish(store, listed)  # a proof point may fail, each night anew
    point = prove(server, store, backrest)
    run.hold_signals()  # a backup that is proven must not be reported as interrupted; the rest takes seconds
    publish(store, replace(listed, point=point.name, proven_at=point.time))
    report(run, kept.backups[-1], point)
    remove_old_points(run, store, database, kept)


def _options(arguments: Sequence[str]) -> Options:
    options = parse(arguments, USAGE, ("--type",), ("--if-none", "--take-over"))
    if options.type not in ("", *KINDS):
        raise Failed(f"--type {options.type} is not auto, full or incr", "see --help", 2)
    return options


def physical_lock(config: Config) -> Path:
    """Return the lock of the physical runs. A logical backup or restore may run at the same time."""
    return config.physical_dir / "lock"


def take_lock(run: Run, config: Config, reserved_for: str = "") -> None:
    """Take the lock of the physical runs.

    Args:
        run: this run.
        config: its configuration.
        reserved_for: id of the recovery that has reserved the lock.
    """
    config.physical_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run.take_lock(physical_lock(config), config.physical_dir, reserved_for)


def choose_kind(wanted: str, info: Info, now: datetime) -> str:
    """Return the kind of the backup to take: full or incr.

    Args:
        wanted: the option's value; auto or an empty string lets the age of the last full one decide, and
            damage in it or in what depends on it.
        info: what the repository holds.
        now: the current time, in UTC.
    """
    if wanted in ("full", "incr"):
        return wanted
    full = info.newest_full
    if full is None or now - full.started_at >= WEEK:
        return "full"
    chain = info.backups[info.backups.index(full) :]
    return "full" if any(each.damaged for each in chain) else "incr"  # an incremental one keeps damaged files


def require_good(backup: PhysicalBackup) -> None:
    """Make sure that pgBackRest found no page with a wrong checksum.

    Raises:
        Failed: it did. The older backups stay, because this one replaces none.
    """
    if backup.damaged:
        what = f"backup {backup.label} holds damaged pages, and no recovery will take it"
        fix = "the lines above name the files; check the disk, and recover to a moment before the damage"
        raise Failed(what, fix, 4)


def fulls_to_keep(info: Info) -> int:
    """Return how many of the newest full backups hold enough good ones of this cluster.

    pgBackRest counts the full backups of all clusters, so those of another one count here too. Source:
    expireFullBackup in pgBackRest's command/expire/expire.c.
    """
    everything = sorted((*info.others, *info.backups), key=lambda each: each.started_at)
    fulls = [each for each in reversed(everything) if each.kind == "full"]
    good = [number for number, each in enumerate(fulls, 1) if each in info.good]
    return good[KEEP - 1] if len(good) >= KEEP else max(KEEP, len(fulls))


def remove_replaced(run: Run, backrest: PgBackRest, taken: Info) -> Info:
    """Remove the backups and the WAL that no rule keeps, if the new backup is good. Return what is left."""
    require_good(taken.backups[-1])
    backrest.expire(fulls_to_keep(taken))
    kept = backrest.info()
    log_others(run, kept)
    return kept


def log_others(run: Run, info: Info) -> None:
    """Say what the repository has of other clusters, and when it goes."""
    if info.others:
        names = ", ".join(each.label for each in info.others)
        run.log(f"the backups of another cluster stay until this one has {KEEP} good full backups: {names}")
        run.log("no recovery takes them while the repository belongs to this cluster")


def note_gaps(backrest: PgBackRest, kept: Info, known: Summary) -> list[Gap]:
    """Return the spans that no recovery reaches, with what the summary before says of them."""
    found = find_gaps(read_history(backrest, kept), kept)
    return [*note_found(found, known.gaps, known.on_again_since, datetime.now(UTC))]


def newest_point(store: Store, database: str, info: Info) -> Point | None:
    """Return the newest proof point of the cluster so far; None if there is none, or none can be read."""
    try:
        for name in reversed(points.list_points(store, database)):
            point = points.read(store, database, name)
            if point.system_id == info.system_id:
                return point
    except (StoreFailed, points.BadPoint):
        return None
    return None


def prove(server: Server, store: Store, backrest: PgBackRest) -> Point:
    """Make a proof point, wait until its WAL is in the bucket, and write its file."""
    point = points.make(server, server.config.database)
    backrest.check()
    try:
        points.write(store, point)
    except StoreFailed as error:
        raise Failed(f"{STANDS} its proof point cannot be written", AGAIN) from error
    return point


def publish(store: Store, found: Summary) -> None:
    """Write the summary."""
    try:
        summary.write(store, found)
    except StoreFailed as error:
        raise Failed(f"{STANDS} its summary cannot be written", AGAIN) from error


def report(run: Run, backup: PhysicalBackup, point: Point) -> None:
    """Report the backup."""
    run.tell({**describe(backup, point), "heard": run.is_heard, "seconds": run.seconds()})
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
    oldest = min(each.finished_at for each in (*info.backups, *info.others))
    try:
        for name in points.list_points(store, database):
            if points.time_of(name) < oldest:
                run.log(f"removing {name}")
                points.remove(store, database, name)
    except StoreFailed as error:
        fix = "the lines above say why; the next run tries again"
        raise Failed(f"{STANDS} old points could not be removed", fix) from error
