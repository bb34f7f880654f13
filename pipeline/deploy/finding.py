"""The result of one check of a deployment."""

from dataclasses import dataclass
from typing import Any

from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        about: what was checked, such as "bucket".
        lines: the result in words.
        facts: the result as values for JSON.
        fix: what to do about a problem; empty if there is none.
        tail: the last lines of the tool that failed.
        kind: the error that a deployment ends with for this problem; None if there is none.
        checked: whether the part was checked. If not, and this is no problem, it is not called good either.
    """

    about: str
    lines: tuple[str, ...]
    facts: Any = None
    fix: str = ""
    tail: str = ""
    kind: type[PipelineError] | None = None
    checked: bool = True

    @property
    def well(self) -> bool:
        """Whether there is no problem."""
        return not self.fix and self.kind is None

    def __str__(self) -> str:
        """The finding as a terminal shows it."""
        good = "✓" if self.checked else "-"
        mark, fix = (good, ()) if self.well else ("✗", (f"  → {self.fix}",))
        rest = (f"  {line}" for line in self.lines[1:])
        tail = (f"  | {line}" for line in self.tail.splitlines())
        return "\n".join((f"{mark} {self.about}: {self.lines[0]}", *rest, *fix, *tail))

    def document(self) -> dict[str, Any]:
        """Return the finding as values for JSON."""
        known = {"about": self.about, "lines": self.lines, "facts": self.facts, "fix": self.fix}
        return {**known, "well": self.well}
