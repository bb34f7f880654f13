"""Lists of backups that nobody took, newest first, as `list_backups` returns them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.backups.catalogue import Backup
from quickdata_node.manifest import DAILY, WEEKLY
from quickdata_node.physical.summary import Listed, Summary
from quickdata_node.retention import newest_of_each

NOW = datetime(2026, 11, 30, 0, 21, tzinfo=UTC)
"""A Monday, before that night's backup."""
INVISIBLE = "\u202e\u200b"
HOSTILE = f"<script>alert(1)</script>&\"'{INVISIBLE}" + "x" * 400


def backup(nights: int, hour: int = 2, verified: bool = False, **more: Any) -> Backup:
    """Return the backup that was taken so many nights before NOW's day, at an hour in UTC."""
    taken = datetime(2026, 11, 30, hour, 21, tzinfo=UTC) - timedelta(days=nights)
    counts = {"bytes": 2_600_000 - 30_000 * nights, "tables": 53, "rows": 48_211 - 317 * nights, "bases": 3}
    proof = {"verified_at": f"{taken:%Y-%m-%dT%H:%M:%SZ}", "verified_by": "drill on laptop"}
    kept = {"keep_daily": DAILY, "keep_weekly": WEEKLY}
    known = {"complete": True, **counts, **kept, **(proof if verified else {})}
    return Backup(f"{taken:%Y%m%dT%H%M%SZ}-{nights % 2**32:08x}", taken=taken, **known | more)


def nightly(without: Collection[int] = (), daily: int = DAILY, weekly: int = WEEKLY) -> list[Backup]:
    """Return what retention keeps of the backups of sixty nights, but for some nights; two are verified."""
    noted = {"keep_daily": daily, "keep_weekly": weekly}
    taken = [backup(each, verified=each in (2, 22), **noted) for each in range(1, 60) if each not in without]
    kept = set(newest_of_each([each.name for each in taken], daily, weekly))
    return [each for each in taken if each.name in kept]


def unfinished(nights: int) -> Backup:
    """Return what a run that failed left behind."""
    return backup(nights, complete=False, bytes=0, tables=0, rows=0)


def unreadable(nights: int) -> Backup:
    """Return a backup whose manifest cannot be used."""
    said = f"its manifest describes its {HOSTILE} wrongly"
    return backup(nights, problem=said, bytes=0, tables=0, rows=0)


def hostile() -> list[Backup]:
    """Return backups of a time to come, of sizes that nothing has, and with words that nobody would want."""
    huge = {"bytes": 2**60, "tables": 10**12, "rows": 10**18}
    signed = {"verified_at": "9999-12-31T23:59:59Z", "verified_by": HOSTILE}
    return [backup(-4000), backup(-1), backup(1, **huge, **signed), unreadable(2), backup(3, rows=0, bytes=0)]


CATALOGUES: dict[str, list[Backup]] = {
    "good": nightly(),
    "with gaps": [unfinished(1), *nightly(without=(1, 4, *range(15, 22)))],
    "none": [],
    "one": [backup(1)],
    "unfinished": [unfinished(1)],
    "unreadable": [unreadable(1), *nightly(without=(1,))],
    "hostile": hostile(),
    "two thousand": [backup(n // 2, 14 - 12 * (n % 2), bytes=9**7 + 99 * n) for n in range(2, 2002)],
}


def physical(*nights: int, damaged: Collection[int] = (), off: datetime | None = None) -> Summary:
    """Return physical backups that ended so many nights before NOW's day; the oldest is a full one."""
    oldest = max(nights)
    backups = [_physical(each, oldest, each in damaged) for each in sorted(nights, reverse=True)]
    last = backups[-1].finished_at
    point = f"quickdata_{last:%Y%m%dT%H%M%SZ}_9ff35af2"
    return Summary("nocodb_db", backups, point, last, off, verified=point, verified_at=last)


def _physical(night: int, oldest: int, damaged: bool) -> Listed:
    at, first = (
        datetime(2026, 11, 30, 4, 17, 2, tzinfo=UTC) - timedelta(days=each) for each in (night, oldest)
    )
    full = f"{first:%Y%m%d-%H%M%S}F"
    if night == oldest:
        return Listed(full, "full", at, 90 << 20, 20 << 20, damaged)
    return Listed(f"{full}_{at:%Y%m%d-%H%M%S}I", "incr", at, 90 << 20, 1 << 20, damaged)


PHYSICAL = {
    "good": physical(1, 2, 3),
    "with gaps": physical(1, 2, 3, damaged=(1,)),
    "one": physical(3, off=NOW),
}
"""The physical backups beside some of CATALOGUES."""
