"""docs/faults-table.md, written from what the tests inject once a run has proven it.

docs/faults.md, the summary, is written by hand.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from pipeline.machine.repository import REPOSITORY
from tests.node.long import test_data_mutations, test_fault_mutations, test_program_mutations
from tests.support.data_mutations import DATA_MUTATIONS
from tests.support.fault_mutations import FAULT_MUTATIONS
from tests.support.fault_table import TABLE, Test
from tests.support.faults import Fault
from tests.support.program_mutations import PROGRAM_MUTATIONS

MUTATIONS = {
    test_program_mutations: PROGRAM_MUTATIONS,
    test_fault_mutations: FAULT_MUTATIONS,
    test_data_mutations: DATA_MUTATIONS,
}
PAGE = REPOSITORY / "docs/faults-table.md"
INTRODUCTION = """\
# Faults, one by one

This page is for looking up one fault; [faults.md](faults.md) is the summary. It says what `backup-pg.sh`
and `restore-pg-latest.sh` do when something fails. `make test-faults` injects each of these faults into the
node's program, with a real PostgreSQL and an S3 behind a proxy that fails on request. It writes this page
when all have ended as the page says. `make test` injects some of them each time, and fails when this page
is not what the tests say.

A row with an exit code and a message quotes the very end of the run: the log's last line, which the
`ON_FAILURE` command (`pg_backup_on_failure`) gets too. After nearly all of these, one assertion
(`tests/support/faults.py`) has checked that

- the exit code is not 0, and the message says what failed and what to do;
- every manifest and `verified.json` in the bucket is what it was: so the latest backup is, and nothing new
  looks like one;
- the live database has the same content, and no other is there;
- no process, session, file or scratch database is left.

The exceptions assert something else in their own tests: a crashed server, a replaced container, a removal
that failed. A row in plain words is proven by a test of its own, which says what it asserts. Here a
`docker` command of the tests stands for the containers; on a real Swarm, `make test-swarm` kills the
database in the middle of a backup.
"""
NOT_COVERED = """
## Not covered

- **Whoever can write in the bucket can run SQL on the server that restores.** A dump is a program: who
  replaces it, and its manifest with it, has what it says run by PostgreSQL's superuser, also by `--verify`,
  which restores beside the live database. The SHA-256 and the counts lie in the manifest, so they tell
  damage, not forgery, and a key that signed the manifest would lie on the node, which is the first writer
  to be suspected. Hold the bucket's policy narrow, and prefer the drill, which restores into a throwaway
  server. psql's own commands are refused (see above).
- SIGKILL, a power cut, a cron that stopped, and a configuration that cannot be read call no alert: nobody
  is left to call it, or to say which command it is. What tells is the age of the newest backup.
- A PostgreSQL server that neither answers nor ends its connections (a frozen disk) holds a run up as long
  as it does, unless somebody interrupts the run; the run of the next night then fails on the lock, and calls
  the alert. Locks are waited for 10 minutes, an answer of S3 for 60 seconds, five times.
- boto3 tries again by the code in S3's answer, or on 500 to 504: a 408 or 429 without such a code, as a
  proxy on the way may give, ends the run. It fails safely; the next one is the second attempt.
- What `pg_dump` leaves out is in no backup, and not counted either: tables that were made members of an
  extension (of those, `pg_dump` takes the rows that the extension names as configuration), and tables in
  `information_schema` or in a schema whose name begins with `pg_`.
- What `pg_dump` writes and PostgreSQL cannot load again is in the bucket, and no restore of it ends well:
  each verification fails until the database is changed. Seen: a constraint whose function finds its tables
  by the search path, a `regclass` that names an index, a column of the row type of a table that inherits.
- A dump cannot name the operator of `is distinct from` in a trigger's condition or a view between values
  whose operator is not PostgreSQL's own (citext): `restore --keep-going` restores it, and names the trigger.
- A subscription is in the dump, but never restored: the restored database would take changes beside the one
  that was live. Create it again; and drop that of a `DATABASE_before_ID` before the next restore.
- A database in `SQL_ASCII` with bytes that are not UTF-8 cannot be backed up: the run fails and says so.
  Thousands of tables need as many locks: when there are too few, the last line names the setting to change.
- A clock that once was years ahead: its backups are the newest until then, later ones are named after them,
  with a warning each time, and nothing is removed before that day comes. Remove them by hand.
- `VACUUM FULL`, `CLUSTER`, or another change of a table that ends while a backup waits for it fails that
  backup: run it again, and keep such work away from its hour.
- Who may create tables in the database can have a check constraint's function run as the superuser who
  restores, also by `--verify`, as with any `pg_restore`. Let only those create in it whom you trust with the
  server.
- A table that is partitioned by the hash of an enum's value is backed up, but its rows come back in other
  partitions of it, and each partition is compared: a verification and a restore end with exit 4.
- An S3 that confirms what it has not stored shows only when the backup is verified; a PostgreSQL that dumps
  and counts the same wrong rows does not show.
- Rows about descriptors, named pipes and `zstd` as a program went with the bash scripts that needed them:
  no part of a backup lies on the node's disk, and the program brings its compressor along.
"""


def page() -> str:
    """The whole of docs/faults-table.md."""
    parts = [INTRODUCTION]
    for heading, groups in TABLE.items():
        parts.append(f"\n## {heading}\n\n| fault | moment | what happens | test |\n|---|---|---|---|\n")
        parts += [row for test, faults in groups for row in rows(test, faults)]
    parts.append("\n## Guards\n\nEach was taken out of the program, and that test went red.\n\n")
    parts.append("| guard | module | test |\n|---|---|---|\n")
    guards = (each for mutations in MUTATIONS.values() for each in mutations)
    parts += [f"| {each.guard} | `{each.module}` | {link(each.test)} |\n" for each in guards]
    return "".join([*parts, NOT_COVERED])


def rows(test: Test, faults: tuple[Fault, ...]) -> Iterator[str]:
    """One row for all the faults that have the same outcome at the same moment."""

    def same(fault: Fault) -> tuple[str, str]:
        return fault.moment, fault.outcome

    order = {same(fault): place for place, fault in reversed(list(enumerate(faults)))}
    for (moment, outcome), group in groupby(sorted(faults, key=lambda each: order[same(each)]), same):
        names = ", ".join(dict.fromkeys(each.name for each in group)).replace(", S3: ", ", ")
        yield f"| {names} | {moment} | {plain(outcome)} | {link(test)} |\n"


def plain(outcome: str) -> str:
    for name, instead in (
        ("newest", "BACKUP"),
        ("database", "DATABASE"),
        ("bucket", "BUCKET"),
        ("state", "STATE_DIR"),
    ):
        outcome = outcome.replace("{" + name + "}", instead)
    return outcome


def link(test: Test) -> str:
    return f"[{test.__name__[5:].replace('_', ' ')}](../{file_of(test)})"


def file_of(test: Test) -> str:
    return test.__module__.replace(".", "/") + ".py"


def unproven(report: Path) -> list[str]:
    """The tests of the page that a run did not pass in full.

    Args:
        report: what `pytest --junitxml` wrote about the run.
    """
    passed: dict[str, list[bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name', '').split('[')[0]}"
        bad = any(case.find(word) is not None for word in ("failure", "error", "skipped"))
        passed.setdefault(name, []).append(not bad)
    wanted: Counter[Test] = Counter()
    for module, mutations in MUTATIONS.items():
        wanted[module.test_without_this_guard_a_test_goes_red] = len(mutations)
    for groups in TABLE.values():
        wanted.update({test: len(faults) for test, faults in groups})
    names = {f"{test.__module__}.{test.__name__}": count for test, count in wanted.items()}
    return [
        name for name, count in names.items() if not all(found := passed.get(name, [])) or len(found) < count
    ]


if __name__ == "__main__":
    if missing := unproven(Path(sys.argv[1])):
        what = f"{PAGE.relative_to(REPOSITORY)} is not written, because these did not pass:"
        sys.exit("\n  ".join([what, *missing]))
    PAGE.write_text(page())
