"""Whether the database's WAL reaches the bucket in time, as the database node says."""

from collections.abc import Iterator

from pipeline.ansible.playbooks import printed_text
from pipeline.backups.node import Figures, command, read_figures
from pipeline.deployment import Deployment
from pipeline.steps.output import failures
from pipeline.units import in_units

COMMAND = "check-backup-age.sh"
OPTION = "--archiving"
REFUSED = f"unknown argument {OPTION}"
"""What every older program says. Its exit code is also that of a wrong configuration."""

UNHEARD = (
    "nobody hears when archiving fails: set pg_backup_notify in"
    " infrastructure/ansible/group_vars/all/vault.yml, and deploy"
)


async def look(d: Deployment) -> Figures | None:
    """Return how archiving is: figures, and the problems for which the node raises its alarm.

    Returns:
        The figures; None if the node's program is too old to tell them.

    Raises:
        PipelineError: the node does not answer, or its program failed.
    """
    step = command(d, "status: archiving", COMMAND, OPTION)
    result = await d.run(step)
    if any(REFUSED in each for each in failures(result.stdout)):
        return None
    return read_figures(step.name, printed_text(result))


def in_words(figures: Figures) -> Iterator[str]:
    """Yield how archiving is, in words: its problems, or that there is none; and that nobody hears of it."""
    if not figures["on"]:
        yield "physical backups are off, so no WAL is archived"
    elif figures["problems"]:
        yield from (f"{each['what']}; {each['fix']}" for each in figures["problems"])
    else:
        wal, free = in_units(figures["wal_bytes"]), figures["free_bytes"]
        room = "unknown" if free is None else in_units(free)
        waiting = f"segments waiting: {figures['waiting']}"
        yield f"WAL is archived in time; {waiting}, on the volume: {wal}, free: {room}"
    if figures["on"] and figures.get("heard") is False:
        yield UNHEARD
