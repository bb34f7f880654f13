"""Measure the figures of RESULTS.md and write the file: `make bench` measures all parts, or named ones."""

import argparse
import os
import platform
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from anyio import to_thread
from data import BACKUP, GZIP, NULL, PSQL, RESTORE, Node, alternate
from deployments import Twice, by_hand, by_pipeline, twice
from measure import median
from pgbackrest import ABSENT, PGBACKREST, pgbackrest
from recovery import bytes_of_a_day, compare, lost_rows
from results import HEAD, HEAD_BEFORE, Results, each, walls, write
from startup import milliseconds

from pipeline.aws.account import session
from pipeline.deploy import order as deploy
from pipeline.deploy.check import check, require_good
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import local_deployment, prepare
from pipeline.rehearsal.surroundings import open_surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.versions import facts
from pipeline.servers.localstack import localstack
from tests.support.archiving import Archiving, archiving, gateway

TIMES = 3
TINY, SMALL, LARGE = 0, 260, 1100
"""Megabytes of data besides NocoDB's first tables. Memory is compared at SMALL and at ten times as much."""
OF_THE_LOCK = "LocalStack and PostgreSQL of the lock on the same machine, PostgreSQL with `fsync` off."
CONTAINED = "LocalStack of the lock, and PostgreSQL in a container that archives its WAL, with `fsync` on."
KINDS = {"incompressible": 100, "compressible": 0}
"""The percentage of data that cannot be compressed."""
BEFORE = {
    GZIP: "0.30 (17.9 s)",
    NULL: "3.44 (17.9 s)",
    PGBACKREST: "2.92 (17.9 s), of 2.45, offline",
    PSQL: "1.17 (28.9 s)",
    "incompressible": "0.20 (17.7 s)",
    "compressible": "0.52 (10.6 s)",
}
"""The results of the former bash scripts in the same comparison: ratio and wall time, 2026-11-24, 2 cores."""


def machine(part: str) -> Iterator[str]:
    """Yield a description of the machine and the versions, on which the figures of a part depend."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{datetime.now(UTC):%Y-%m-%d}, commit {str(facts(None)['commit'])[:12]}, {os.cpu_count()} cores,"
    yield f"{memory:.0f} GiB, Linux {platform.release().split('-')[0]}, Python {platform.python_version()};"
    yield f"load average of the five minutes before: {os.getloadavg()[1]:.1f};"
    yield CONTAINED if part in {"recovery", "loss"} else OF_THE_LOCK


async def deployments(results: Results, progress: Progress, _root: Path | None) -> None:
    """Compare first and second deployments, in turns, each time on new servers; then measure the start."""
    ours: list[Twice] = []
    theirs: list[Twice] = []
    ways = [(by_hand, theirs), (by_pipeline, ours)]
    for turn in range(TIMES):
        for way, found in ways if turn % 2 == 0 else reversed(ways):
            found.append(await twice(way, progress))
    results.add("", *HEAD)
    first, second = ([one[n] for one in ours] for n in (0, 1))
    by_course, again_by_course = ([one[n].whole for one in theirs] for n in (0, 1))
    what = "(a) first deployment with its proof, beside the course's commands, which prove nothing"
    results.ratio(what, [one.whole for one in first], by_course, "≤ 0.75")
    what = "(a) the same until its last playbook has ended, beside the same"
    results.ratio(what, [one.configured for one in first], by_course, "≤ 0.6")
    what = "(b) second deployment, nothing to change, until its last playbook has ended"
    results.ratio(what, [one.configured for one in second], again_by_course, "≤ 0.5")
    async with deployed(progress, None) as (d, _node):
        started = time.monotonic()
        require_good(await check(d))
        results.add("", f"- `check` on LocalStack: {time.monotonic() - started:.1f} s")
    for verb, code in (("--help", 0), ("check", 2)):
        taken = milliseconds(verb, exit_code=code)
        results.add(f"- (f) `quickdata {verb}` without any input, until it ends with {code}: {taken:.0f} ms")


@asynccontextmanager
async def deployed(progress: Progress, root: Path | None) -> AsyncIterator[tuple[Deployment, Node]]:
    """Deploy once; yield the deployment and its node, with pgBackRest's server."""
    async with open_surroundings() as around:
        d = local_deployment(around, "bench", progress, Report("bench", "localstack"))
        await prepare(d, around)
        await deploy.deploy(d)
        s3 = session(d.cloud.credentials, d.cloud.region).resource("s3", endpoint_url=d.cloud.endpoint)
        with pgbackrest(root, around, d.bucket) as pair:
            yield d, Node(around, s3.Bucket(d.bucket), pair)


async def backups(results: Results, progress: Progress, root: Path | None) -> None:
    """Compare backups of the node's program with the usual pipes and with pgBackRest."""
    async with deployed(progress, root) as (_, node):
        results.add(f"pgBackRest: {node.pair.version() if node.pair else ABSENT}.")
        await to_thread.run_sync(_tiny, results, node)
        await to_thread.run_sync(_compared_backups, results, node)


async def restores(results: Results, progress: Progress, _root: Path | None) -> None:
    """Compare restores of the node's program with the usual pipe."""
    async with deployed(progress, None) as (_, node):
        await to_thread.run_sync(_compared_restores, results, node)


async def memory(results: Results, progress: Progress, _root: Path | None) -> None:
    """Measure the memory of backups and restores at two sizes."""
    async with deployed(progress, None) as (_, node):
        await to_thread.run_sync(_memory, results, node)


async def kinds(results: Results, progress: Progress, _root: Path | None) -> None:
    """Compare backups of data that can be compressed, and of data that cannot."""
    async with deployed(progress, None) as (_, node):
        for kind, percent in KINDS.items():
            await to_thread.run_sync(partial(_compared_kind, results, node, kind, percent))


async def recovery(results: Results, _progress: Progress, _root: Path | None) -> None:
    """Compare physical backups and recoveries with the usual pipes, and measure the bytes of a day."""
    async with container() as server:
        await to_thread.run_sync(compare, results, server, LARGE, TIMES)
        await to_thread.run_sync(bytes_of_a_day, results, server)


async def loss(results: Results, _progress: Progress, _root: Path | None) -> None:
    """Measure what is lost with the server and its files."""
    async with container() as server:
        await to_thread.run_sync(lost_rows, results, server)


@asynccontextmanager
async def container() -> AsyncIterator[Archiving]:
    """Yield a server in its container, which archives its WAL into an emulator."""
    with TemporaryDirectory(prefix="quickdata-bench-") as folder:
        async with localstack(Path(folder) / "localstack", listen=gateway()) as storage:
            with archiving(Path(folder) / "node", storage) as server:
                yield server


def _tiny(results: Results, node: Node) -> None:
    size = node.fill(TINY)
    found = [node.measure(BACKUP) for _ in range(TIMES)]
    taken, load = walls(found), median([one.load for one in found])
    results.add("", f"### Backup of {size / 1e6:.0f} MB", "")
    results.add(
        "| median (each) | processor | load average | aim | the bash scripts |", "|---|---|---|---|---|"
    )
    cpu = median([one.cpu for one in found])
    row = f"| **{median(taken):.1f} s** ({each(taken)}) | {cpu:.1f} s | {load:.1f}"
    results.add(f"{row} | ≤ 2.5 s | 13.9 s on busy cores |")


def _compared_backups(results: Results, node: Node) -> None:
    size = node.fill(LARGE, compared=True)
    found = alternate(node, TIMES, GZIP, BACKUP, NULL, *node.pgbackrest())
    results.add("", f"### Backup of {size / 1e9:.2f} GB, half of it incompressible", "", *HEAD_BEFORE)
    for other, aim in ((GZIP, "≤ 0.18"), (PGBACKREST, "≤ 1.8"), (NULL, "")):
        results.backup(found, other, aim, BEFORE[other])
    results.costs(found)


def _compared_restores(results: Results, node: Node) -> None:
    size = node.fill(LARGE)
    for way in (GZIP, BACKUP):
        node.measure(way)
    found = alternate(node, TIMES, PSQL, RESTORE)
    results.add("", f"### Restore of {size / 1e9:.2f} GB, half of it incompressible", "", *HEAD_BEFORE)
    times = walls(found[RESTORE]), walls(found[PSQL])
    results.ratio(f"(d) `{RESTORE}` beside `{PSQL}`", *times, "≤ 0.9", BEFORE[PSQL])
    results.costs(found)


def _compared_kind(results: Results, node: Node, kind: str, percent: int) -> None:
    size = node.fill(LARGE, percent)
    results.add("", f"### Backup of {size / 1e9:.2f} GB, all of it {kind}", "", *HEAD_BEFORE)
    back = alternate(node, TIMES, GZIP, BACKUP)
    results.backup(back, GZIP, "", BEFORE[kind])
    results.costs(back)


def _memory(results: Results, node: Node) -> None:
    results.add("", "(e) Peak memory of the program and what it starts:", "")
    results.add(
        "| database | backup (aim ≤ 160 MB, flat) | restore | the bash scripts |", "|---|---|---|---|"
    )
    for megabytes, before in ((SMALL, "235 MB, 212 MB"), (10 * SMALL, "271 MB, 419 MB")):
        size = node.fill(megabytes)
        peaks = [node.measure(name).peak / 1e6 for name in (BACKUP, RESTORE)]
        results.add(f"| {size / 1e9:.2f} GB | {peaks[0]:.0f} MB | {peaks[1]:.0f} MB | {before} |")
        node.clear()


PARTS = {
    "deployments": ("Deployments", deployments),
    "backups": ("Backups", backups),
    "restores": ("Restores", restores),
    "memory": ("Memory", memory),
    "recovery": ("Recoveries", recovery),
    "loss": ("Loss", loss),
    "kinds": ("Backups of other kinds of data", kinds),
}


async def main(parts: list[str], root: Path | None) -> None:
    """Measure some parts, and write each part when it is complete."""
    for name in parts:
        title, part = PARTS[name]
        results = Results([*machine(name)])
        await part(results, Progress(), root)
        write(title, results.lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--pgbackrest-root", type=Path, help="a Debian with postgresql-18 and pgbackrest")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}")
    anyio.run(main, asked.parts or list(PARTS), asked.pgbackrest_root)
