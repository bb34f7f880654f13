"""Every figure of RESULTS.md: `make bench` measures them all in one run and writes the file."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pgbackrest
from anyio import to_thread
from data import BACKUP, CUSTOM, GZIP, NULL, PSQL, RESTORE, Node, alternate
from deployments import Twice, by_hand, by_pipeline, twice
from measure import Measure, median
from pgbackrest import PGBACKREST
from startup import milliseconds

from pipeline.aws.account import session
from pipeline.deploy import order as deploy
from pipeline.deploy.check import check, require_good
from pipeline.rehearsal.local_nodes import local_deployment, prepare
from pipeline.rehearsal.surroundings import open_surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.versions import facts

RESULTS = Path(__file__).with_name("RESULTS.md")
LIMITS = Path(__file__).with_name("limits.md")
TIMES = 3
SMALL, LARGE = 260, 1100
"""Megabytes of data; memory is compared at SMALL and at ten times as much."""
PURE = {"incompressible": 100, "compressible": 0}
"""Percent of the data that do not compress."""


@dataclass
class Results:
    """The lines of RESULTS.md, told as they come."""

    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """Take lines, and show them."""
        self.lines += lines
        print(*lines, sep="\n", flush=True)

    def ratio(self, what: str, ours: list[float], theirs: list[float], aim: str) -> None:
        """Take a row: medians, their ratio, all single values."""
        mine, other = median(ours), median(theirs)
        row = f"| {_cell(what)} | {mine:.1f} s ({_each(ours)}) | {other:.1f} s ({_each(theirs)})"
        self.add(f"{row} | **{mine / other:.2f}** | {aim} |")

    def backup(self, part: str, found: dict[str, list[Measure]], other: str, aim: str) -> None:
        """Take the row of our backup beside another way."""
        what = f"{part} `{BACKUP}` beside `{other}`"
        if other in found:
            self.ratio(what, _walls(found[BACKUP]), _walls(found[other]), aim)
        else:
            self.add(f"| {what} | {pgbackrest.ABSENT} | | | {aim} |")

    def costs(self, found: dict[str, list[Measure]]) -> None:
        """Take the table of what each way costs: medians."""
        self.add(
            "",
            "| | wall | processor (without the server's) | peak memory | stored |",
            "|---|---|---|---|---|",
        )
        for name, all_of_it in found.items():
            self.add(f"| `{_cell(name)}` | {_row(all_of_it)} |")


HEAD = ("| | ours: median (each) | theirs: median (each) | ratio | aim |", "|---|---|---|---|---|")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _each(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def machine() -> Iterator[str]:
    """Yield what the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{datetime.now(UTC):%Y-%m-%d}, commit {str(facts()['commit'])[:12]}, {os.cpu_count()} cores,"
    yield f"{memory:.0f} GiB, Linux {platform.release().split('-')[0]}, Python {platform.python_version()};"
    yield "LocalStack and PostgreSQL of the lock on the same machine, PostgreSQL with `fsync` off;"
    yield f"pgBackRest: {pgbackrest.version()}."


async def deployments(results: Results, progress: Progress) -> None:
    """Compare first and second deployments, in turns, each time in new surroundings."""
    ours: list[Twice] = []
    theirs: list[Twice] = []
    ways = [(by_hand, theirs), (by_pipeline, ours)]
    for turn in range(TIMES):
        for way, found in ways if turn % 2 == 0 else reversed(ways):
            found.append(await twice(way, progress))
    results.add("", "## Deployment", "", *HEAD)
    first, second = ([one[n] for one in ours] for n in (0, 1))
    first_by_hand, second_by_hand = ([one[n] for one in theirs] for n in (0, 1))
    results.ratio("(a) first deployment beside the course's commands", first, first_by_hand, "≤ 0.6")
    results.ratio("(b) second deployment, nothing to change", second, second_by_hand, "≤ 0.5")


async def backups(results: Results, progress: Progress) -> None:
    """Compare the node's program with the usual pipes, then their memory at two sizes; then time `check`."""
    async with open_surroundings() as around:
        d = local_deployment(around, "bench", progress, Report("bench", "localstack"))
        await prepare(d, around)
        await deploy.deploy(d)
        s3 = session(d.cloud.credentials, d.cloud.region).resource("s3", endpoint_url=d.cloud.endpoint)
        node = Node(around, s3.Bucket(d.bucket))
        await to_thread.run_sync(_compared, results, node)
        await to_thread.run_sync(_pure, results, node)
        await to_thread.run_sync(_memory, results, node)
        started = time.monotonic()
        require_good(await check(d))
        results.add("", "## Starting", "", f"- `check` on LocalStack: {time.monotonic() - started:.1f} s")


def _compared(results: Results, node: Node) -> None:
    size = node.fill(LARGE)
    results.add("", f"## Backup and restore of {size / 1e9:.2f} GB, half of it incompressible", "", *HEAD)
    back = alternate(node, TIMES, GZIP, BACKUP, NULL, CUSTOM, *_pgbackrest())
    for other, aim in ((GZIP, "≤ 0.25"), (CUSTOM, ""), (PGBACKREST, "≤ 1.0"), (NULL, "≤ 1.5")):
        results.backup("(c)", back, other, aim)
    forth = alternate(node, TIMES, PSQL, RESTORE)
    results.ratio(f"(d) `{RESTORE}` beside `{PSQL}`", _walls(forth[RESTORE]), _walls(forth[PSQL]), "≤ 0.5")
    results.costs({**back, **forth})
    node.clear()


def _pure(results: Results, node: Node) -> None:
    for kind, percent in PURE.items():
        size = node.fill(LARGE, percent)
        results.add("", f"## Backup of {size / 1e9:.2f} GB, all of it {kind}", "", *HEAD)
        back = alternate(node, TIMES, GZIP, BACKUP, *_pgbackrest())
        for other, aim in ((GZIP, "≤ 0.25"), (PGBACKREST, "≤ 1.0")):
            results.backup("(c)", back, other, aim)
        results.costs(back)


def _pgbackrest() -> list[str]:
    return [PGBACKREST] if pgbackrest.installed() else []


def _row(found: list[Measure]) -> str:
    wall, cpu = median([m.wall for m in found]), median([m.cpu for m in found])
    peak, stored = median([m.peak for m in found]), median([m.stored for m in found])
    return f"{wall:.1f} s | {cpu:.1f} s | {peak / 1e6:.0f} MB | {f'{stored / 1e6:.0f} MB' if stored else ''}"


def _walls(found: list[Measure]) -> list[float]:
    return [one.wall for one in found]


def _memory(results: Results, node: Node) -> None:
    results.add("", "## (e) Peak memory of the program and what it starts", "")
    results.add("| database | backup | restore |", "|---|---|---|")
    for megabytes in (SMALL, 10 * SMALL):
        size = node.fill(megabytes)
        peaks = [node.measure(name).peak / 1e6 for name in (BACKUP, RESTORE)]
        results.add(f"| {size / 1e9:.2f} GB | {peaks[0]:.0f} MB | {peaks[1]:.0f} MB |")
        node.clear()


async def main() -> None:
    """Measure everything; the file is written only when all of it was obtained."""
    results = Results(["# Results", "", "Made by `make bench`: in turns, medians of three.", "", *machine()])
    progress = Progress()
    await deployments(results, progress)
    await backups(results, progress)
    for verb, code in (("--help", 0), ("check", 2)):
        taken = milliseconds(verb, exit_code=code)
        results.add(f"- (f) `quickdata {verb}` without any input, until it ends with {code}: {taken:.0f} ms")
    RESULTS.write_text("\n".join([*results.lines, "", LIMITS.read_text()]))


if __name__ == "__main__":
    anyio.run(main)
