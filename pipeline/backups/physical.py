"""The physical backups, as the database node sums them up in the bucket."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from botocore.exceptions import ClientError

from pipeline.aws.account import Cloud
from pipeline.backups.age import NIGHTLY
from pipeline.errors import BackupError
from pipeline.units import duration, in_units
from quickdata_node.physical.summary import BadSummary, Listed, Summary, key, read_summary

LARGEST = 1 << 20
"""The most bytes of a summary: some dozens of backups take a few kilobytes."""
WEEKLY = timedelta(days=8)
"""How old the newest full backup may be: the same rule as on the node."""
UNDRILLED = timedelta(days=7)
"""How old the oldest physical backup may become before a drill has recovered one."""


async def read_physical(cloud: Cloud, bucket: str, database: str) -> Summary | None:
    """Return the summary of a database's physical backups; None if there are none.

    Raises:
        BackupError: the summary cannot be read.
    """
    text = await cloud.ask(partial(_download, cloud), bucket, key(database))
    try:
        return None if text is None else read_summary(text, database)
    except BadSummary as error:
        what = f"the summary of the physical backups of {database} {error}"
        fix = (
            "run physical-backup.sh on the database node, which keeps this summary and writes a new one;"
            f" where physical backups are off, bring an older version of s3://{bucket}/{key(database)} back"
        )
        raise BackupError(what, fix) from None


def _download(cloud: Cloud, bucket: str, name: str) -> bytes | None:
    try:
        client = cloud.client("s3")
        if not client.list_objects_v2(Bucket=bucket, Prefix=name).get("Contents"):
            return None
        return bytes(client.get_object(Bucket=bucket, Key=name)["Body"].read(LARGEST))
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        fix = "check TF_VAR_bucket_suffix, AWS_REGION and the credentials"
        raise BackupError(f"s3://{bucket}/{name} cannot be read: {reason}", fix) from error


def table(known: Summary, now: datetime) -> Iterator[str]:
    """Yield the lines of a table for a terminal, newest first."""
    columns = "{:<33} {:>9} {:>10}  {}"
    yield columns.format("PHYSICAL BACKUP", "AGE", "SIZE", "TYPE")
    for each in reversed(known.backups):
        kind = f"{each.kind}, damaged" if each.damaged else each.kind
        yield columns.format(each.label, _age(each, now), in_units(each.stored_bytes), kind)
    if known.good:
        since = f"{known.good[0].finished_at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"A recovery can go to any moment since {since}{', but:' if known.gaps else '.'}"
    yield from (f"  not {gap}: {gap.reason}" for gap in known.gaps)
    yield f"Last proof point: {known.point or 'none yet'}"
    yield f"Last drill: {in_words_verified(known)}"
    if known.off_since:
        yield in_words_off(known)


def in_words_off(known: Summary) -> str:
    """Return that physical backups are off, and what stays, in words."""
    since = f"{known.off_since:%Y-%m-%d %H:%M} UTC"
    return f"physical backups are off since {since}; {len(known.backups)} stay in the bucket"


def in_words_verified(known: Summary) -> str:
    """Return which proof point a drill has recovered last, and when, in words."""
    return f"{known.verified} at {known.verified_at:%Y-%m-%d %H:%M} UTC" if known.verified_at else "none yet"


def drill_problem(known: Summary, now: datetime) -> str:
    """Return that no drill has recovered these backups; empty if one has, or if they are new or off."""
    if known.off_since or known.verified_at or not known.good:
        return ""
    due = known.good[0].finished_at + UNDRILLED
    return "no drill has recovered the physical backups yet" if now > due else ""


def age_problem(known: Summary, now: datetime) -> str:
    """Return what is wrong with the age of the physical backups; empty if nothing is, or if they are off."""
    if known.off_since:
        return ""
    if known.on_since:
        return f"no physical backup was completed since they are on, {known.on_since:%Y-%m-%d %H:%M} UTC"
    limits = (("physical backup", known.newest, NIGHTLY), ("full physical backup", known.newest_full, WEEKLY))
    for which, backup, limit in limits:
        if backup is None:
            return f"the newest {which} is missing"
        if now - backup.finished_at > limit:
            return (
                f"the newest {which} is {_age(backup, now)} old, more than {limit / timedelta(hours=1):g} h"
            )
    return ""


def _age(backup: Listed, now: datetime) -> str:
    return duration((now - backup.finished_at).total_seconds())
