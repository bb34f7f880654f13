"""What was found about one thing that was looked at."""

from dataclasses import dataclass
from typing import Any

from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        about: what it is.
        lines: how it is, in words.
        facts: the same as values.
        fix: what to do about it; empty when all is as it should be.
        tail: the last lines of the tool that failed.
        kind: the error that it means to a deployment; None when there is none.
    """

    about: str
    lines: tuple[str, ...]
    facts: Any = None
    fix: str = ""
    tail: str = ""
    kind: type[PipelineError] | None = None

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return not self.fix and self.kind is None

    def __str__(self) -> str:
        """The finding as a terminal shows it."""
        mark, fix = ("✓", ()) if self.well else ("✗", (f"  → {self.fix}",))
        rest = (f"  {line}" for line in self.lines[1:])
        tail = (f"  | {line}" for line in self.tail.splitlines())
        return "\n".join((f"{mark} {self.about}: {self.lines[0]}", *rest, *fix, *tail))

    def document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        known = {"about": self.about, "lines": self.lines, "facts": self.facts, "fix": self.fix}
        return {**known, "well": self.well}
