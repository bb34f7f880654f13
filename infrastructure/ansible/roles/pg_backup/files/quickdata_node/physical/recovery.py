"""Recovers the server to a moment in its past, beside the live one, and swaps the two when it is proven.

pgBackRest restores a backup into a folder of the same volume, and a throwaway container replays the WAL up to
the moment. The rows are counted there, and compared if the moment is a proven point. The live server runs
meanwhile. Last, with the database stopped, --go-live exchanges the two folders. On a failure before that, the
live database was not touched.
"""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quickdata_node.compare import SHOWN, differences
from quickdata_node.config import Config, Options, load, parse
from quickdata_node.fingerprints import LOGGED, count
from quickdata_node.manifest import FORMAT, Table
from quickdata_node.outcome import is_there
from quickdata_node.physical import keys, points, present, ready, summary
from quickdata_node.physical.backup import take_lock
from quickdata_node.physical.choice import Choice
from quickdata_node.physical.ending import require_end
from quickdata_node.physical.give_up import give_up
from quickdata_node.physical.into import prepare, room_for
from quickdata_node.physical.places import Place, Volume, find_volume
from quickdata_node.physical.ready import Ready
from quickdata_node.physical.search import find_choice
from quickdata_node.physical.summary import BadSummary
from quickdata_node.physical.swap import go_live, release, remove_older, reserve
from quickdata_node.physical.throwaway import ARCHIVE_LATER, ARCHIVE_NOTHING, Throwaway
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed
from quickdata_node.store import Store, StoreFailed

USAGE = """\
Usage: recover-pg.sh --config FILE (--to-time TIME | --to-point NAME) [--check-only] [--verify | --into NAME]
       recover-pg.sh --config FILE --go-live ID [--into NAME]
       recover-pg.sh --config FILE (--remove-older ID | --give-up ID)

  --to-time TIME    recover to this time, such as '2026-11-28 14:55:00+01:00'; latest: the end of the WAL
  --to-point NAME   recover to this proven point, and compare the rows with it; latest: the newest point
  --check-only      show what the recovery would take; recover nothing
  --verify          recover, compare, check tables and B-tree indexes by pg_amcheck, and remove it again
  --into NAME       bring this database back alone, beside the live one; the other databases stay
  --go-live ID      swap a finished recovery in; the database must be stopped, but not with --into
  --remove-older ID remove what earlier recoveries have kept, when recovery ID is live
  --give-up ID      remove a finished recovery instead, or say that it is live

A recovery restores into a folder beside the live server's. It changes nothing live before --go-live, which
keeps the formerly live files. A finished recovery keeps other backups and
recoveries away until it is swapped in or given up, for half an hour at most.
Writes one JSON line to standard output, and the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, or no such moment in the repository, 4 the
recovered rows differ from the proven point, or --verify finds that archiving does not work.
"""
FLAGS = ("--check-only", "--verify")
DAMAGED = 2
"""pg_amcheck's exit code for damage. Source: PostgreSQL's src/bin/pg_amcheck/pg_amcheck.c."""
ABOVE = "the lines above say why"
START = "if the two are stopped, on the manager: docker service scale nocodb_db=1 nocodb_nocodb=1"
UNTOUCHED = "the live database was not touched"


@dataclass(frozen=True)
class Recovery:
    """A recovery.

    Args:
        run: this run.
        config: its configuration.
        volume: the database's volume.
        place: the folder of the recovery.
        choice: the moment, and what it takes to go there.
    """

    run: Run
    config: Config
    volume: Volume
    place: Place
    choice: Choice


def main(run: Run, arguments: Sequence[str]) -> None:
    """Recover to a moment, or swap a finished recovery in."""
    moments, finished = ("--to-time", "--to-point"), ("--go-live", "--remove-older", "--give-up")
    options = parse(arguments, USAGE, (*moments, *finished, "--into"), FLAGS)
    ended = (options.go_live, options.remove_older, options.give_up)
    if sum(map(bool, (options.to_time, options.to_point, *ended))) != 1:
        what = f"{', '.join((*moments, *finished))} exclude each other"
        raise Failed(what, "give exactly one of them", 2)
    if options.into and options.verify:
        raise Failed("--into and --verify exclude each other", "give only one of them", 2)
    if options.into and (options.give_up or options.remove_older):
        raise Failed("--into goes with a moment or with --go-live", "leave it out: the id says it", 2)
    config = load(run, Path(options.config))
    volume = _require_volume(config)
    number = next(filter(None, ended), "")
    run.take_lock(config.lock_file, config.state_dir, number)
    take_lock(run, config, number)
    volume.finish_swaps()
    if options.into and options.go_live:
        ready.go_live(run, config, options.into, number)
    elif options.go_live:
        go_live(run, config, volume, number)
    elif options.remove_older:
        remove_older(run, volume, number)
    elif options.give_up:
        give_up(run, config, volume, number)
        run.log(START)  # the verb that stopped them may have been killed
    else:
        recover_to(run, config, volume, options)


def recover_to(run: Run, config: Config, volume: Volume, options: Options) -> None:
    """Recover to the moment that the arguments name, or show what that takes."""
    run.cleaning.callback(Throwaway(run, config).remove)
    Throwaway(run, config).remove()  # a killed run's server may still write into its folder
    keys.refresh(config)
    if not options.check_only:
        volume.remove_unused(run.log)
    if not (options.check_only or options.verify):
        ready.remove_left(run, config)
    into = ready.look(run, config, options.into) if options.into else {}
    wrong = present.look(run, config) if options.verify else ""
    choice = find_choice(run, config, options)
    needed = choice.needed_bytes + room_for(into.get("into_bytes", 0))
    figures = {"needed_bytes": needed, "free_bytes": volume.require_room(needed)}
    said = {**choice.document(datetime.now(UTC)), **figures, "reserve_bytes": volume.reserve, **into}
    if options.check_only:
        run.tell({"seconds": run.seconds(), "action": "checked", **said})
        return
    recovery = Recovery(run, config, volume, volume.place(secrets.token_hex(4)), choice)
    if options.verify:
        proof = verify(recovery)
        present.require_present(config, choice, wrong, datetime.fromtimestamp(run.started, UTC))
        run.tell({"seconds": run.seconds(), "action": "verified", **said, **proof})
        return
    proof = bring_back(recovery, options.into) if options.into else recover(recovery)
    run.tell({"seconds": run.seconds(), "action": "recovered", "id": recovery.place.id, **said, **proof})


def _require_volume(config: Config) -> Volume:
    keys.require_on(config)
    if not (config.pg_image and config.pg_data):
        what = f"configuration {config.file}: PG_IMAGE or PG_DATA is missing"
        raise Failed(what, "run backup.yml", 2)
    return find_volume(config.pg_data, config.archive_config)


# --- the recovery ---


def recover(recovery: Recovery) -> dict[str, Any]:
    """Restore, replay the WAL up to the moment, compare, and shut the server down.

    Returns:
        The result of the comparison, for the JSON line.
    """
    throwaway, server, undo = start(recovery, ARCHIVE_LATER)
    proof = prove(server, recovery.choice)
    throwaway.forget(server)
    throwaway.stop()
    reserve(recovery.config, recovery.place.id)
    undo.callback(release, recovery.config)
    recovery.place.finish()
    undo.pop_all()
    recovery.run.log(f"recovered to {recovery.choice.moment}, and ready to go live")
    return proof


def start(recovery: Recovery, archive: tuple[str, ...]) -> tuple[Throwaway, Server, ExitStack]:
    """Restore a backup, and replay the WAL up to the moment.

    Args:
        recovery: the recovery.
        archive: what the recovered server does with its own WAL.

    Returns:
        The container, the server in it, and the removals that the end of the run makes.
    """
    run, volume, place, choice = recovery.run, recovery.volume, recovery.place, recovery.choice
    throwaway = Throwaway(run, recovery.config, place)
    undo = run.cleaning.enter_context(ExitStack())
    undo.callback(volume.remove_unused, run.log)
    undo.callback(throwaway.remove)
    place.make()
    run.log(f"restoring backup {choice.backup.label} to {choice.moment}")
    throwaway.pgbackrest.command("restore", *choice.options, meanwhile=volume.require_reserve)
    server = throwaway.start(archive, volume)
    require_end(server, throwaway, choice)
    return throwaway, server, undo


def bring_back(recovery: Recovery, database: str) -> dict[str, Any]:
    """Recover, compare with the proven point, and copy one database beside the live one.

    Returns:
        The result of the comparisons, for the JSON line.
    """
    _, server, undo = start(recovery, ARCHIVE_NOTHING)
    point = recovery.choice.moment.point
    proof = prove(server, recovery.choice) if point else {"compared": False}
    copied = prepare(server, Ready(database, recovery.place.id), recovery.volume)
    undo.close()
    reserve(recovery.config, recovery.place.id)
    return {**proof, **copied}


def verify(recovery: Recovery) -> dict[str, Any]:
    """Recover, compare with the proven point, check for damage, remove the recovery, and note the result.

    Returns:
        The result for the JSON line. rpo_seconds is the age of the newest WAL in the bucket when the run
        began, rto_seconds the time until the compared server could be used.
    """
    run, began = recovery.run, datetime.fromtimestamp(recovery.run.started, UTC)
    _, server, undo = start(recovery, ARCHIVE_NOTHING)
    proof = prove(server, recovery.choice)
    figures = {"rpo_seconds": round(recovery.choice.lag(began), 1), "rto_seconds": run.seconds()}
    check_pages(server)
    undo.close()
    if point := recovery.choice.moment.point:
        try:
            store = Store(recovery.config.bucket)
            points.note_verified(store, point, {**proof, **figures})
            summary.note_verified(store, point.database, point.name, datetime.now(UTC))
        except (StoreFailed, BadSummary) as error:
            what = f"the point {point.name} is good, but that cannot be noted in the bucket"
            raise Failed(what, ABOVE) from error
    return {**proof, **figures}


def check_pages(server: Server) -> None:
    """Check the tables and B-tree indexes of all databases. pg_amcheck knows no other kind of index.

    https://www.postgresql.org/docs/18/app-pgamcheck.html

    Raises:
        Failed: pg_amcheck found damage, or ended with an error; the log has its lines.
    """
    code = server.start("pg_amcheck", "--all", "--install-missing", "--jobs=2", stdout=2).wait()
    if code == DAMAGED:
        raise Failed("pg_amcheck finds damage in the recovered files", f"{ABOVE}; {UNTOUCHED}", 4)
    if code:
        what = f"pg_amcheck ended with exit code {code}, so the recovered files are not checked"
        raise Failed(what, f"{ABOVE}; {UNTOUCHED}")


def prove(server: Server, choice: Choice) -> dict[str, Any]:
    """Count all rows of the recovered database, and compare them if the moment is a proven point.

    Returns:
        Whether they were compared, and the numbers of tables and rows.

    Raises:
        Failed: the rows cannot be read, or differ.
    """
    database, point = server.config.database, choice.moment.point
    if not is_there(server, database):
        raise Failed(f"there was no database {database} at that moment", f"choose another; {UNTOUCHED}")
    try:
        tables = count(server, database, FORMAT, LOGGED)
    except ServerFailed as error:
        raise Failed("the recovered rows cannot be counted", ABOVE) from error
    if point:
        _compare(server, point, tables)
    rows = sum(each.rows or 0 for each in tables if each.kind == "table")
    number = sum(each.kind != "large objects" for each in tables)
    proven = "compared" if point else "not compared: no proof for that moment"
    server.run.log(f"{proven}; {number} tables, {rows} rows readable")
    return {"compared": bool(point), "tables": number, "rows": rows}


def _compare(server: Server, point: points.Point, tables: Sequence[Table]) -> None:
    found = list(differences(point.tables, tables))
    for line in found[:SHOWN]:
        server.run.log(f"different: {line}")
    if not point.tables:
        raise Failed(f"0 tables differ from the point {point.name}: it has none", UNTOUCHED, 4)
    if found:
        raise Failed(f"{len(found)} tables differ from the point {point.name}", UNTOUCHED, 4)
