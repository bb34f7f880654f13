"""The names of backups and of their files: which names are valid, which is the newest, which is the next."""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from quickdata_node.run import Failed

NAME = re.compile(
    r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z-[0-9a-f]{8}"
)
MANIFEST, VERIFIED = "manifest.json", "verified.json"
FILES = re.compile(r"manifest\.json|verified\.json|(dump|globals\.(json|sql)|attachments\.tar)\.(zst|gz)")
"""The files of a backup. Other files beside them belong to somebody else."""
LAST_YEAR = "9999"


def folder(database: str) -> str:
    """Return the prefix of exactly this database's backups in the bucket."""
    return f"postgres/{database}/"


def with_file(keys: Iterable[str], file: str = "") -> list[str]:
    """Return the names of the backups that have a file, oldest first.

    The whole rest of a key must match: the listing of "app" also holds the keys of a database "app/…".

    Args:
        keys: keys below the database's folder, without its prefix.
        file: name of the file; an empty string means any file.
    """
    parts = (key.partition("/") for key in keys)
    return sorted({name for name, _, rest in parts if NAME.fullmatch(name) and (not file or rest == file)})


def files_of(keys: Iterable[str], name: str) -> list[str]:
    """Return a backup's files in the bucket, the manifest first.

    The order is that of removal: a half removed backup must not look like a backup.
    """
    parts = (key.partition("/") for key in keys)
    found = [rest for each, _, rest in parts if each == name and FILES.fullmatch(rest)]
    return sorted(found, key=lambda file: (file != MANIFEST, file))


def id_of(name: str) -> str:
    """Return the id in a backup's name, which is its random end."""
    return name.rpartition("-")[2]


def time_of(name: str) -> datetime:
    """Return the time in a backup's name.

    Raises:
        ValueError: the calendar does not have this day.
    """
    return datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def next_name(newest: str, now: datetime, where: str) -> str:
    """Return the name for a new backup.

    Names sort in the order of time, even if the clock was set back or two backups are taken in one second.

    Args:
        newest: name of the newest backup; an empty string when there is none.
        now: the current time, in UTC.
        where: the backups' folder, for the error message.
    """
    time = now
    if newest:
        try:
            time = max(now, _time_to_follow(newest) + timedelta(seconds=1))
        except ValueError:
            what = f"{where}{newest} has no valid time in its name"
            raise Failed(what, "remove it: none of these scripts wrote it") from None
    return f"{time:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _time_to_follow(name: str) -> datetime:
    if name.startswith(LAST_YEAR):
        raise ValueError(name)
    return time_of(name)
