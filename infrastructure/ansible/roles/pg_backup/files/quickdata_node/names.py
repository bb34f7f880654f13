"""The names of backups and of their files: what is one, which is the newest, and the name of the next."""

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
"""The files of a backup: what else somebody keeps beside them is none of ours."""
LAST_YEAR = "9999"


def folder(database: str) -> str:
    """Return where the backups of exactly that database lie in the bucket."""
    return f"postgres/{database}/"


def with_file(keys: Iterable[str], file: str = "") -> list[str]:
    """Return the names of the backups which have a file, in the order of time.

    All the rest of a key has to match: the listing of "app" also holds the keys of a database called "app/…".

    Args:
        keys: below the database's folder.
        file: which one; nothing means any.
    """
    parts = (key.partition("/") for key in keys)
    return sorted({name for name, _, rest in parts if NAME.fullmatch(name) and (not file or rest == file)})


def files_of(keys: Iterable[str], name: str) -> list[str]:
    """Return the files of a backup that are there, the manifest first: what is half removed must not look
    like one."""
    parts = (key.partition("/") for key in keys)
    found = [rest for each, _, rest in parts if each == name and FILES.fullmatch(rest)]
    return sorted(found, key=lambda file: (file != MANIFEST, file))


def id_of(name: str) -> str:
    """Return what tells a backup from others."""
    return name.rpartition("-")[2]


def time_of(name: str) -> datetime:
    """Return the time in a backup's name.

    Raises:
        ValueError: no calendar has that day.
    """
    return datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def next_name(newest: str, now: datetime, where: str) -> str:
    """Return the name of a backup that is taken now.

    Names sort in the order of time, even when the clock was set back or a second sees two backups.

    Args:
        newest: the name of the newest backup; nothing when there is none.
        now: the time.
        where: what to call the folder of the backups.
    """
    time = now
    if newest:
        try:
            time = max(now, _time_to_follow(newest) + timedelta(seconds=1))
        except ValueError:
            what = f"{where}{newest} bears no time that a backup can have"
            raise Failed(what, "remove it, none of these scripts wrote it") from None
    return f"{time:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _time_to_follow(name: str) -> datetime:
    if name.startswith(LAST_YEAR):
        raise ValueError(name)
    return time_of(name)
