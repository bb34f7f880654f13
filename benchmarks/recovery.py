"""Measure physical backups and recoveries on a server in its container, beside the usual pipes.

The server, its configuration and the node's commands are those of the tests. It flushes its WAL to the disk,
and archives it, while everything is measured. Needs Docker, and the image of the database's container.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data import BACKUP, FILL, GZIP, PSQL, RESTORE
from measure import Measure, measured, median
from results import HEAD, Results, each, walls

from quickdata_node.physical.container import PREFIX, STANZA, USER
from tests.support.archiving import DATABASE, ROLE, Archiving, docker
from tests.support.backup_node import PATH, SCRIPTS

COPY = "by_pipe"
PHYSICAL, RECOVER = "physical-backup.sh --type full", "recover-pg.sh --to-point latest"
ENGINE = "pgbackrest backup --type=full"
SAVES, LOADS = (GZIP, BACKUP, PHYSICAL, ENGINE), (PSQL, RESTORE, RECOVER)
LONG = 60.0
"""Seconds. A command that takes longer is measured once."""
AGES = (10.0, 20.0, 29.0)
"""Seconds since the last archived WAL at which the server is killed. PostgreSQL archives after 30."""
CHANGES, SAMPLES = 2000, 60
"""Rows changed in a day; how many of the day's WAL segments are measured."""
INTERVALS = 24 * 60 * 60 // 30
"""The most WAL segments that archive_timeout=30 forces in a day."""
WRITES = """create table written (at timestamptz default clock_timestamp(), body text);
insert into written (body) select repeat(md5(n::text), 30) from generate_series(1, 100) n;
"""
INSERT = "insert into written (body) values (repeat(md5(random()::text), 30)) \\watch 0.02"
ARCHIVED = "select coalesce(extract(epoch from now() - last_archived_time), 0) from pg_stat_archiver"
CHANGE = "update bench.person set balance = balance + 1 where id in ({})"
ONE = "select 1 + (random() * {})::int"
SEGMENT = re.compile(r"[0-9A-F]{24}-[0-9a-f]{40}\.zst$")
AWAY = "stop, swap, start"


@dataclass(frozen=True)
class Ways:
    """The commands to compare, on one server.

    Args:
        server: the server, with its bucket and its node's commands.
    """

    server: Archiving

    def measure(self, way: str) -> Measure:
        """Measure one command, when the bucket has all WAL of the commands before it."""
        if way == PSQL:
            self.server.sql(f"create database {COPY}")
        self.server.switch()
        return measured(self._command(way), self._environment())

    def clear(self) -> None:
        """Drop the databases that restores have left, because a physical backup would copy them."""
        kept = "select datname from pg_database where datname = '{}' or datname like '{}_before_%'"
        for name in self.server.sql(kept.format(COPY, DATABASE)).split():
            self.server.sql(f"drop database {name}")
        self.server.sql("checkpoint")

    def _command(self, way: str) -> Sequence[str]:
        name = self.server.name
        inside, engine = f"docker exec -i {name}", f"docker exec -u {USER} {name}"
        pipes = {
            GZIP: f'{inside} pg_dump -U {ROLE} {DATABASE} | gzip | aws s3 cp - "$BUCKET/gzip/dump"',
            PSQL: f'aws s3 cp "$BUCKET/gzip/dump" - | gunzip | {inside} psql -XqU {ROLE} {COPY}',
            ENGINE: f"{engine} pgbackrest --stanza={STANZA} backup --type=full",
        }
        if way in pipes:
            return ("bash", "-euo", "pipefail", "-c", pipes[way])
        command, *options = way.split()
        program = str(SCRIPTS / "quickdata_node")
        config = str(self.server.config)
        return (sys.executable, "-I", "-X", "utf8", program, command, "--config", config, *options)

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{PATH}"
        return {"PATH": path, "BUCKET": f"s3://{self.server.bucket}", **self.server.storage.environment}


def fill(server: Archiving, megabytes: int) -> int:
    """Put the data of the other comparisons into the server, and return the database's size in bytes."""
    sql = FILL.read_text().replace(":megabytes", str(megabytes)).replace(":incompressible", "50")
    command = ["docker", "exec", "-i", server.name, "psql", "-XqAt", "-U", ROLE, DATABASE]
    subprocess.run(command, input=sql, text=True, check=True, stdout=subprocess.DEVNULL)
    return int(server.sql(f"select pg_database_size('{DATABASE}')"))


def compare(results: Results, server: Archiving, megabytes: int, times: int) -> None:
    """Compare full backups and restores, in turns."""
    server.backup()  # creates the repository
    ways, size = Ways(server), fill(server, megabytes)
    found: dict[str, list[Measure]] = {way: [] for way in (*SAVES, *LOADS)}
    away: list[float] = []
    for turn in range(times):
        for way in rotated(SAVES, turn, found):
            note(found, way, ways.measure(way))
        for way in rotated(LOADS, turn, found):
            note(found, way, ways.measure(way))
            if way == RECOVER:
                away.append(go_live(server))
            ways.clear()
    results.add(
        "", f"### Full backup and restore of {size / 1e9:.2f} GB, half of it incompressible", "", *HEAD
    )
    for ours, theirs, aim in (
        (PHYSICAL, GZIP, "≤ 0.15"),
        (PHYSICAL, BACKUP, ""),
        (ENGINE, GZIP, ""),
        (RECOVER, PSQL, "≤ 0.5"),
        (RECOVER, RESTORE, ""),
    ):
        results.ratio(f"`{ours}` beside `{theirs}`", walls(found[ours]), walls(found[theirs]), aim)
    results.add("", f"- {AWAY}: the database is away for {median(away):.1f} s ({each(away)}).")
    for way, measures in found.items():
        loads = each([one.load for one in measures])
        results.add(f"- Load average at the end of `{way}`: {loads}.")


def rotated(ways: Sequence[str], turn: int, found: dict[str, list[Measure]]) -> Iterator[str]:
    """Yield the commands of a turn; each begins with another one. Those that take long run once."""
    first = turn % len(ways)
    for way in (*ways[first:], *ways[:first]):
        if not found[way] or found[way][0].wall <= LONG:
            yield way


def note(found: dict[str, list[Measure]], way: str, one: Measure) -> None:
    """Keep a measurement, and print it."""
    found[way].append(one)
    print(f"{way}: {one.wall:.1f} s, load {one.load:.1f}", flush=True)


def go_live(server: Archiving) -> float:
    """Swap the recovery in as the verb does; return for how many seconds the database was away."""
    number = next(each.name for each in server.recoveries() if (each / "stage").read_text() == "ready\n")
    started = time.monotonic()
    done = server.go_live(number)
    taken = time.monotonic() - started
    if done.code:
        raise RuntimeError(f"the swap failed:\n{done.log}")
    return taken


# --- the bytes of a day ---


def bytes_of_a_day(results: Results, server: Archiving) -> None:
    """Measure what a day with some changed rows adds to the bucket: a backup, and WAL segments."""
    server.backup()
    people = int(server.sql("select count(*) from bench.person"))
    sizes = measure_segments(server, people)
    server.sql(CHANGE.format(f"{ONE.format(people)} from generate_series(1, {CHANGES})"))
    backup = server.backup("incr")["bytes"]
    mean = sum(sizes) / len(sizes)
    results.add("", f"### Bytes of a day with {CHANGES} changed rows, anywhere in {people} of them", "")
    results.add("| what | how many | bytes of one | in all |", "|---|---|---|---|")
    results.add(f"| block-incremental backup | 1 | {backup} | {backup / 1e6:.0f} MB |")
    row = "| WAL segments, {} | {} | {:.0f} | {:.0f} MB |"
    results.add(row.format("one for each change", CHANGES, mean, CHANGES * mean / 1e6))
    results.add(row.format("one each 30 s, the most there can be", INTERVALS, mean, INTERVALS * mean / 1e6))
    results.add("", f"The segments of a day are computed. {len(sizes)} of them, with a changed row in each,")
    results.add(f"were measured: {min(sizes)} to {max(sizes)} bytes.")


def measure_segments(server: Archiving, people: int) -> list[int]:
    """Return the bytes of WAL segments that hold one changed row each."""
    server.switch()
    before = segments(server)
    for _ in range(SAMPLES):
        server.sql(CHANGE.format(ONE.format(people)))
        server.sql("select pg_switch_wal()")
    server.switch()
    return [size for name, size in segments(server).items() if name not in before][:SAMPLES]


def segments(server: Archiving) -> dict[str, int]:
    """Return the WAL segments in the bucket, and their bytes."""
    lists = server.s3.get_paginator("list_objects_v2")
    pages = lists.paginate(Bucket=server.bucket, Prefix=f"{PREFIX}archive/")
    listed = [one for page in pages for one in page["Contents"]]
    return {one["Key"]: one["Size"] for one in listed if SEGMENT.search(one["Key"])}


# --- the rows that are lost ---


def lost_rows(results: Results, server: Archiving) -> None:
    """Kill the server under load, remove its files, and recover from the bucket alone."""
    server.sql(WRITES)
    server.backup("full")
    lost: list[float] = []
    for age in AGES:
        lost.append(lose(server, age))
        print(f"killed {age:.0f} s after the last archived WAL: {lost[-1]:.1f} s lost", flush=True)
        server.backup("auto")
    results.add("", "### Rows lost with the server and its files", "")
    results.add("| killed after the last archived WAL | age of the newest row that came back | aim |")
    results.add("|---|---|---|")
    for age, seconds in zip(AGES, lost, strict=True):
        results.add(f"| {age:.0f} s | **{seconds:.1f} s** | ≤ 35 s |")
    results.add("", f"Load average at the end: {os.getloadavg()[0]:.1f}.")


def lose(server: Archiving, age: float) -> float:
    """Return how old the newest row that came back was when the server was killed, in seconds."""
    with writer(server):
        wait_until_archived(server, age)
        docker("kill", "--signal=KILL", server.name)
        killed = datetime.now(UTC)
    server.kill()
    for folder in ("18", "recovery"):
        shutil.rmtree(server.volume / folder, ignore_errors=True)
    server.start()  # a new and empty cluster, as on a new node
    done = server.recover("--to-time", "latest")
    if done.code:
        raise RuntimeError(f"the recovery failed:\n{done.log}")
    server.go_live(done.json["id"])
    newest = datetime.fromisoformat(server.sql("select max(at) from written"))
    return (killed - newest).total_seconds()


@contextmanager
def writer(server: Archiving) -> Iterator[None]:
    """Insert some dozens of rows a second, until the container is killed."""
    inside = ("bash", "-c", f'echo "$0" | psql -XqAtU {ROLE} {DATABASE}', INSERT)
    command, null = ["docker", "exec", server.name, *inside], subprocess.DEVNULL
    with subprocess.Popen(command, stdout=null, stderr=null) as child:
        yield
        child.kill()


def wait_until_archived(server: Archiving, age: float) -> None:
    """Wait until WAL was archived under load, and for some seconds more."""
    first = server.sql("select archived_count from pg_stat_archiver")
    while server.sql("select archived_count from pg_stat_archiver") == first:
        time.sleep(0.2)
    time.sleep(max(0.0, age - float(server.sql(ARCHIVED))))
