"""Whether the database's WAL reaches the bucket in time, as the database node says."""

from collections.abc import Iterator

from pipeline.ansible.playbooks import printed_text
from pipeline.backups.node import Figures, command, read_figures
from pipeline.deployment import Deployment
from pipeline.units import in_units

COMMAND = "check-backup-age.sh"
OLDER = 2
"""Exit code of an older program, and of a wrong configuration: both say no figures."""


async def look(d: Deployment) -> Figures:
    """Return how archiving is: figures, and the problems for which the node raises its alarm.

    Raises:
        PipelineError: the node does not answer, or its program is older.
    """
    step = command(d, "status: archiving", COMMAND, "--archiving")
    return read_figures(step.name, printed_text(await d.run(step), OLDER))


def in_words(figures: Figures) -> Iterator[str]:
    """Yield how archiving is, in words: the problems, or that there is none."""
    if not figures["on"]:
        yield "physical backups are off, so no WAL is archived"
    elif figures["problems"]:
        yield from (f"{each['what']}; {each['fix']}" for each in figures["problems"])
    else:
        wal, free = in_units(figures["wal_bytes"]), figures["free_bytes"]
        room = "unknown" if free is None else in_units(free)
        waiting = f"segments waiting: {figures['waiting']}"
        yield f"WAL is archived in time; {waiting}, on the volume: {wal}, free: {room}"
