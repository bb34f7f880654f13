"""Raises an alarm when the newest backup is too old, or when its age is unknown.

Where the server archives its WAL, it also watches the archiving and the physical backups. All is checked,
even when one check fails.

The check finds failures that raise no alarm themselves: cron has stopped, a run hangs, the disk is full. It
takes no lock and writes no file.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from quickdata_node import names
from quickdata_node.checks import find_problems, raise_all
from quickdata_node.config import Config, load
from quickdata_node.grace import NotYet, overdue
from quickdata_node.options import parse
from quickdata_node.physical import watch
from quickdata_node.run import Failed, Run, last_run
from quickdata_node.store import Key, Store, StoreFailed

MOST_AHEAD = timedelta(minutes=15)
"""S3 refuses a request from a clock that differs by more than this."""
USAGE = """\
Usage: check-backup-age.sh --config FILE [--archiving]

Prints nothing when the newest backup is at most MAX_AGE_HOURS old, as the configuration says. With physical
backups, their age, the container's keys, archiving and the room for WAL must be good too. One alarm names
every problem. For two hours after their set-up, backups, keys and archiving may be missing.
  --archiving  write how archiving is as one JSON line, problems included, and raise no alarm
Exit codes: 0 all is well, 1 too old, age unknown or archiving in danger, 2 wrong configuration or arguments.
"""


def main(run: Run, arguments: Sequence[str]) -> None:
    """Check the age of the newest backup, and the physical backups."""
    options = parse(arguments, USAGE, flags=("--archiving",))
    config = load(run, Path(options.config))
    if options.archiving:
        run.tell(watch.report(run, config))
        return
    limit = config.max_age
    now = datetime.now(UTC)
    problems = overdue(run, find_problems(partial(check_age, config, limit)), config.set_up_at, now)
    if watch.is_on(config):
        problems += overdue(run, find_problems(*watch.checks(run, config)), config.archives_since, now)
    raise_all(run, problems)


def check_age(config: Config, limit: timedelta) -> None:
    """Fail when the newest backup is older than a limit, or when there is none."""
    newest = find_newest(list_keys(config))
    if not newest:
        raise NotYet(f"s3://{config.bucket} holds no backup of {config.database}", what_to_do(config))
    compare_age(config, newest, datetime.now(UTC), limit)


def list_keys(config: Config) -> list[Key]:
    """Return the keys in the database's folder of the bucket."""
    try:
        return Store(config.bucket).list_keys(names.folder(config.database))
    except StoreFailed as error:
        what = f"{unknown(config)}: s3://{config.bucket} cannot be listed"
        fix = "check the network, BACKUP_BUCKET, AWS_REGION and the role of this machine"
        raise Failed(what, fix) from error


def find_newest(keys: Iterable[Key]) -> str:
    """Return when the newest backup was taken, as YYYYMMDDHHMMSS; an empty string when there is none.

    The time in a name comes from this machine's clock. S3 knows when the manifest was written. The older of
    the two counts, so that neither a wrong clock nor a copy makes a backup look younger.
    """
    parts = ((*key.rest.partition("/"), key.written) for key in keys)
    return max(
        (
            min(f"{name[:8]}{name[9:15]}", f"{written.astimezone(UTC):%Y%m%d%H%M%S}")
            for name, _, file, written in parts
            if file == names.MANIFEST and names.NAME.fullmatch(name)
        ),
        default="",
    )


def compare_age(config: Config, newest: str, now: datetime, limit: timedelta) -> None:
    """Fail when the newest backup is older than a limit, or when its time is in the future."""
    try:
        age = now - datetime.strptime(newest, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise Failed(f"{unknown(config)}: its time is {newest}", "look at the names of the backups") from None
    if age <= -MOST_AHEAD:
        raise Failed(f"{unknown(config)}: its time is in the future", "correct the clock of this machine")
    if age > limit:
        hours, most = age // timedelta(hours=1), limit // timedelta(hours=1)
        what = f"the newest backup of {config.database} is {hours} hours old, the limit is {most}"
        raise NotYet(what, what_to_do(config))


def unknown(config: Config) -> str:
    """Return the beginning of the message for an unknown age."""
    return f"the age of the newest backup of {config.database} is unknown"


def what_to_do(config: Config) -> str:
    """Return the advice for an alarm; it names the last run that took the lock."""
    return (
        f"look at the log of the backups and at the last run ({last_run(config.lock_file) or 'none yet'});"
        " end it if it hangs, make room if the disk is full,"
        " start cron if it does not run, then run backup-pg.sh"
    )
