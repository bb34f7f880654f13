"""A drill proves the present too: the live server archives its WAL, and its newest proof point is not old.

The rows of a proof point can be good although nothing was archived since.
"""

from datetime import datetime

from quickdata_node.config import Config
from quickdata_node.physical.choice import Choice
from quickdata_node.physical.moment import shown
from quickdata_node.physical.watch import check_server
from quickdata_node.run import Failed, Run

GOOD = "the recovery is good, but"


def look(run: Run, config: Config) -> str:
    """Return what is wrong with the archiving of the live server; empty if nothing is.

    A drill looks before it lets the server archive everything, because afterwards no WAL waits.
    """
    try:
        check_server(run, config)
    except Failed as problem:
        return str(problem)
    return ""


def require_present(config: Config, choice: Choice, wrong: str, now: datetime) -> None:
    """Make sure that the recovery reaches the present, and not only the past.

    RPO alone has no limit: a server that writes nothing archives nothing, and loses nothing.

    Args:
        config: the configuration, with the maximum age.
        choice: the moment of the drill, and the WAL that was found.
        wrong: what `look` has found.
        now: when the drill began, in UTC.

    Raises:
        Failed: archiving does not work, WAL waited too long, or the point is too old.
    """
    if choice.not_archived:
        what = f"{GOOD} the live database does not archive what it writes since {shown(choice.latest)}"
        raise Failed(what, "docs/runbook.md, `Archiving fails`; the lines above say why", 4)
    if wrong:
        raise Failed(f"{GOOD} when the drill began, {wrong}", "then run the drill again", 4)
    if now - choice.moment.time > config.max_age:
        point = f"of {shown(choice.moment.time)}, is older than {config.max_age_hours} hours"
        what = f"{GOOD} the newest proven point, {point}"
        raise Failed(what, "look at the log of the backups, then run physical-backup.sh", 4)
