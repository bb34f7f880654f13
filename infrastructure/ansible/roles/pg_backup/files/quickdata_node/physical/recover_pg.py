"""The command recover-pg.sh: it checks the arguments, and says what a recovery takes."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from quickdata_node.config import Config, load
from quickdata_node.options import Options, parse
from quickdata_node.physical import keys, present, ready
from quickdata_node.physical.backup import take_lock
from quickdata_node.physical.give_up import give_up
from quickdata_node.physical.into import room_for
from quickdata_node.physical.places import Volume, find_volume
from quickdata_node.physical.recovery import Recovery, bring_back, recover, verify
from quickdata_node.physical.search import find_choice
from quickdata_node.physical.swap import go_live, remove_older
from quickdata_node.physical.throwaway import Throwaway
from quickdata_node.run import Failed, Run

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
MOMENTS, FINISHED = ("--to-time", "--to-point"), ("--go-live", "--remove-older", "--give-up")
START = "if the two are stopped, on the manager: docker service scale nocodb_db=1 nocodb_nocodb=1"


def main(run: Run, arguments: Sequence[str]) -> None:
    """Recover to a moment, or swap a finished recovery in."""
    options = read_options(arguments)
    config = load(run, Path(options.config))
    volume = require_volume(config)
    number = options.go_live or options.remove_older or options.give_up
    run.take_lock(config.lock_file, config.state_dir, number)
    take_lock(run, config, number)
    volume.finish_swaps()
    if number:
        finish(run, config, volume, options)
    else:
        recover_to(run, config, volume, options)


def read_options(arguments: Sequence[str]) -> Options:
    """Return the options.

    Raises:
        Failed: they contradict each other.
    """
    options = parse(arguments, USAGE, (*MOMENTS, *FINISHED, "--into"), FLAGS)
    ended = (options.go_live, options.remove_older, options.give_up)
    if sum(map(bool, (options.to_time, options.to_point, *ended))) != 1:
        what = f"{', '.join((*MOMENTS, *FINISHED))} cannot be used together"
        raise Failed(what, "give exactly one of them", 2)
    if options.into and options.verify:
        raise Failed("--into and --verify cannot be used together", "give only one of them", 2)
    if options.into and (options.give_up or options.remove_older):
        raise Failed("--into goes with a moment or with --go-live", "leave it out: the id says it", 2)
    return options


def require_volume(config: Config) -> Volume:
    """Return the database's volume on this machine.

    Raises:
        Failed: physical backups are off, or the configuration does not name the volume.
    """
    keys.require_on(config)
    if not (config.pg_image and config.pg_data):
        what = f"configuration {config.file}: PG_IMAGE or PG_DATA is missing"
        raise Failed(what, "run backup.yml", 2)
    return find_volume(config.pg_data, config.archive_config)


def finish(run: Run, config: Config, volume: Volume, options: Options) -> None:
    """Swap a finished recovery in, give it up, or remove what earlier ones have kept."""
    if options.into:
        ready.go_live(run, config, options.into, options.go_live)
    elif options.go_live:
        go_live(run, config, volume, options.go_live)
    elif options.remove_older:
        remove_older(run, volume, options.remove_older)
    else:
        give_up(run, config, volume, options.give_up)
        run.log(START)  # the verb that stopped them may have been killed


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
