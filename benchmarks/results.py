"""Write RESULTS.md: each part of the page has the figures of its own run."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from data import BACKUP
from measure import Measure, median
from pgbackrest import ABSENT

RESULTS = Path(__file__).with_name("RESULTS.md")
LIMITS = Path(__file__).with_name("limits.md")
HEAD = ("| | ours: median (each) | theirs: median (each) | ratio | aim |", "|---|---|---|---|---|")
HEAD_BEFORE = (f"{HEAD[0]} the bash scripts: ratio (wall) |", f"{HEAD[1]}---|")


@dataclass
class Results:
    """The lines of a part of RESULTS.md, printed as they are added."""

    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """Add lines, and print them."""
        self.lines += lines
        print(*lines, sep="\n", flush=True)

    def ratio(
        self, what: str, ours: list[float], theirs: list[float], aim: str, before: str | None = None
    ) -> None:
        """Add a row: medians, their ratio, all single values, and the former result if there is one."""
        mine, other = median(ours), median(theirs)
        row = f"| {_cell(what)} | {mine:.1f} s ({each(ours)}) | {other:.1f} s ({each(theirs)})"
        old = "" if before is None else f" {before} |"
        self.add(f"{row} | **{mine / other:.2f}** | {aim} |{old}")

    def backup(self, found: dict[str, list[Measure]], other: str, aim: str, before: str) -> None:
        """Add a row that compares our backup with another command."""
        what = f"(c) `{BACKUP}` beside `{other}`"
        if other in found:
            self.ratio(what, walls(found[BACKUP]), walls(found[other]), aim, before)
        else:
            self.add(f"| {what} | {ABSENT} | | | {aim} | {before} |")

    def costs(self, found: dict[str, list[Measure]]) -> None:
        """Add the table of the resources that each command uses: medians."""
        self.add(
            "",
            "| | wall | processor (without the server's) | peak memory | stored | load average |",
            "|---|---|---|---|---|---|",
        )
        for name, all_of_it in found.items():
            self.add(f"| `{_cell(name)}` | {_row(all_of_it)} |")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def each(values: list[float]) -> str:
    """Return all single values as text."""
    return ", ".join(f"{value:.1f}" for value in values)


def _row(found: list[Measure]) -> str:
    wall, cpu = median([m.wall for m in found]), median([m.cpu for m in found])
    peak, stored = median([m.peak for m in found]), median([m.stored for m in found])
    bytes_ = f"{stored / 1e6:.0f} MB" if stored else ""
    load = median([m.load for m in found])
    return f"{wall:.1f} s | {cpu:.1f} s | {peak / 1e6:.0f} MB | {bytes_} | {load:.1f}"


def walls(found: list[Measure]) -> list[float]:
    """Return the wall times."""
    return [one.wall for one in found]


def write(title: str, lines: list[str]) -> None:
    """Replace a part of RESULTS.md, and the section about limits."""
    head, *parts = re.split(r"^## ", RESULTS.read_text(), flags=re.MULTILINE)
    texts = dict(part.split("\n", 1) for part in parts) | {title: "\n".join(["", *lines, "", ""])}
    limits, why = LIMITS.read_text().removeprefix("## ").split("\n", 1)
    texts.pop(limits, None)
    whole = [*texts.items(), (limits, why)]
    RESULTS.write_text(head + "".join(f"## {name}\n{text}" for name, text in whole))
