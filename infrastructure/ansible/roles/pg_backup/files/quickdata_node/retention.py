"""The choice of the backups that no rule keeps, and their removal."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from quickdata_node import names
from quickdata_node.run import Failed, Run
from quickdata_node.store import Store, StoreFailed

DAY = timedelta(days=1)
STANDS = "the backup stands, but"


def choose_expired(
    keys: Collection[str], newest: str, keep_daily: int, keep_weekly: int, now: datetime
) -> list[str]:
    """Return the backups that no rule keeps, and the unfinished backups of failed runs.

    These rules keep a backup:

    - It is the newest one of its day or week, for the last days and weeks that have a backup. A day without a
      backup does not count, so failing backups remove nothing.
    - It is the newest verified one.
    - It is from the last 24 hours: a backup of damaged data must not push out the good one of an hour before.

    Args:
        keys: keys in the database's folder of the bucket, before the newest backup was written.
        newest: name of the newest backup.
        keep_daily: number of days to keep a backup of.
        keep_weekly: number of weeks to keep a backup of.
        now: the current time, in UTC.
    """
    complete = sorted({newest, *names.with_file(keys, names.MANIFEST)}, reverse=True)
    verified = [name for name in names.with_file(keys, names.VERIFIED) if name in complete]
    yesterday = f"{now - DAY:%Y%m%dT%H%M%SZ}"
    kept = {*verified[-1:], *newest_of_each(complete, keep_daily, keep_weekly)}
    unfinished = _with_files(keys) - set(complete)
    return sorted(name for name in (set(complete) - kept) | unfinished if name < yesterday)


def newest_of_each(complete: Iterable[str], keep_daily: int, keep_weekly: int) -> Iterator[str]:
    """Yield the newest backup of each of the last days and weeks.

    Args:
        complete: names of complete backups, newest first.
        keep_daily: number of days.
        keep_weekly: number of weeks.
    """
    days: set[str] = set()
    weeks: set[tuple[int, int]] = set()
    for name in complete:
        day, week = name[:8], _week(name)
        if (day not in days and len(days) < keep_daily) or (week not in weeks and len(weeks) < keep_weekly):
            yield name
        days.add(day)
        weeks.add(week)


def _week(name: str) -> tuple[int, int]:
    try:
        return names.time_of(name).isocalendar()[:2]
    except ValueError:
        raise Failed(
            f"{STANDS} {name} has no valid date in its name", "remove it: none of these scripts wrote it"
        ) from None


def _with_files(keys: Iterable[str]) -> set[str]:
    """Return the names of the backups that have a file other than the manifest."""
    found = ((name, names.FILES.fullmatch(rest)) for name, _, rest in (key.partition("/") for key in keys))
    return {name for name, file in found if file and names.NAME.fullmatch(name) and file[0] != names.MANIFEST}


def prune(run: Run, store: Store, root: str, keys: Collection[str], expired: Iterable[str]) -> None:
    """Remove backups: the manifest of each first, then its other files."""
    for name in expired:
        run.log(f"removing {name}")
        try:
            for file in names.files_of(keys, name):
                store.remove(f"{root}{name}/{file}")
        except StoreFailed as error:
            fix = "the lines above say why; the next run tries again"
            raise Failed(f"{STANDS} {name} could not be removed", fix) from error
