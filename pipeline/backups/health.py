"""What is wrong with the backups of a database, for `status` and for the page of the catalogue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.backups.age import MOST_AHEAD, NIGHTLY, age_problem
from pipeline.backups.catalogue import Backup
from pipeline.backups.loss import loss_problem
from pipeline.backups.physical import age_problem as physical_age_problem
from pipeline.backups.physical import drill_problem
from quickdata_node.physical.summary import Summary

LOG = "/var/log/quickdata/backup.log on the database node"


@dataclass(frozen=True)
class Problem:
    """Something about the backups that an operator should fix.

    Args:
        title: the problem in a few words.
        what: the problem in one sentence.
        fix: what to do about it.
    """

    title: str
    what: str
    fix: str

    @property
    def sentence(self) -> str:
        """The problem as a sentence of its own."""
        return f"{self.what[:1].upper()}{self.what[1:]}."


def problems(complete: Sequence[Backup], now: datetime) -> Iterator[Problem]:
    """Yield the problems with the backups of a database, the worst first.

    Args:
        complete: the backups that have a manifest, newest first.
        now: the time, in UTC.
    """
    if not complete:
        what = "there is none yet: no run has written a manifest"
        yield Problem("There is no backup", what, "`quickdata backup` takes one")
        return
    newest = complete[0]
    lost, fuller = loss_problem(newest, complete)
    if newest.problem:
        what = f"the newest, {newest.id}, cannot be restored: {newest.problem}"
        fix = "restore the earlier version of its manifest in S3, or take a new backup: `quickdata backup`"
        yield Problem("The newest backup cannot be restored", what, fix)
    elif lost:
        fix = f"if nobody deleted this data, check NocoDB, then run `quickdata restore --id {fuller}`"
        yield Problem("The newest backup has lost data", lost, fix)
    if wrong := age_problem(newest, NIGHTLY, now):
        what, _, clocks = wrong.partition("; ")
        title = "The time of the newest backup is wrong" if clocks else "The newest backup is too old"
        yield Problem(title, what, clocks or f"see {LOG}, then run `quickdata backup`")
    if not last_verified(complete, now):
        fix = "`quickdata drill` restores the newest backup and compares it"
        yield Problem("No backup is proven", "no backup was ever verified", fix)


def physical_problems(known: Summary | None, now: datetime) -> Iterator[Problem]:
    """Yield the problems with the physical backups, the worst first; none while they are off.

    A damaged backup is a problem until a good one follows: pgBackRest does not call a backup good that takes
    over a damaged page of an earlier one.

    Args:
        known: the summary of the physical backups; None if there are none.
        now: the time, in UTC.
    """
    if not known or known.off_since:
        return
    newest = max(known.backups, key=lambda each: each.finished_at, default=None)
    if newest and newest.damaged:
        what = f"pgBackRest found damaged pages in {newest.label}, and no recovery takes it"
        fix = f"see {LOG} for the damaged files, check the disk, then run physical-backup.sh there"
        yield Problem("The newest physical backup is damaged", what, fix)
    if wrong := physical_age_problem(known, now):
        yield Problem(
            "A physical backup is missing or too old", wrong, f"see {LOG}, then run physical-backup.sh there"
        )
    if known.new_gaps:
        spans = ", and ".join(map(str, known.new_gaps))
        what = f"WAL is missing, and no recovery reaches the moments {spans}"
        fix = (
            "find out who deleted it from the bucket, and recover first what you need from before: then run"
            " physical-backup.sh --type full on the node, which may remove the oldest full backup"
        )
        yield Problem("WAL is missing", what, fix)
    if wrong := drill_problem(known, now):
        yield Problem("No physical backup is proven", wrong, "run `quickdata drill --physical`")


def last_verified(complete: Sequence[Backup], now: datetime) -> Backup | None:
    """Return the backup that was verified last; None if none ever was. A proof in the future does not count.

    Args:
        complete: the backups that have a manifest.
        now: the time, in UTC.
    """
    proven = [each for each in complete if each.verified_at and verified_at(each) < now + MOST_AHEAD]
    return max(proven, key=verified_at, default=None)


def verified_at(backup: Backup) -> datetime:
    """Return when a verified backup was last verified."""
    return datetime.fromisoformat(str(backup.verified_at)).astimezone(UTC)
