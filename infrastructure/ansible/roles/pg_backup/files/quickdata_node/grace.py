"""The time in which a node may lack what only the end of its deployment brings.

A deployment starts the checks before the database runs, and takes the first backups last. What is missing
until then is no reason for an alarm. The time has a bound: a deployment that never comes to its end must not
stay silent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from quickdata_node.run import Failed, Run

GRACE = timedelta(hours=2)
"""How long. A deployment takes minutes; the rest is for a slow network and a large first physical backup."""


class NotYet(Failed):
    """A problem that a node has, too, while it is being deployed."""


def overdue(run: Run, problems: Iterable[Failed], since: datetime | None, now: datetime) -> list[Failed]:
    """Return the problems that are an alarm now, and log the others.

    Args:
        run: this run.
        problems: what checks have found.
        since: when the node was set up for what they check, in UTC; None if nobody knows.
        now: the current time, in UTC.
    """
    problems = list(problems)
    if since is None or not timedelta() <= now - since < GRACE:  # a clock that was set back excuses nothing
        return problems
    for each in problems:
        if isinstance(each, NotYet):
            end = f"{since + GRACE:%Y-%m-%d %H:%M} UTC"
            run.log(f"no alarm before {end}, because these backups were set up only now: {each}")
    return [each for each in problems if not isinstance(each, NotYet)]
