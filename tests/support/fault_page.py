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
if all faults end as the page says. `make test` injects some of them each time, and fails when this page
differs from the tests.

A row with an exit code and a message quotes the end of the run: the log's last line, which the
`ON_FAILURE` command (`pg_backup_on_failure`) gets too. After nearly all of these faults, one assertion
(`tests/support/faults.py`) has checked that

- the exit code is not 0, and the message says what failed and what to do;
- every manifest and `verified.json` in the bucket is unchanged: the latest backup is the same, and nothing
  new looks like a backup;
- the live database has the same content, and there is no other database;
- no process, session, file or scratch database is left.

The exceptions assert something else in their own tests: a crashed server, a replaced container, a removal
that failed. A row without such a message is proven by a test of its own. In these tests a `docker` command
of the tests replaces the containers. On a real Swarm, `make test-swarm` kills the database in the middle of
a backup.
"""
NOT_COVERED = """
## Not covered

- **Anyone who can write to the bucket can run SQL on the server that restores.** A dump is a program. A
  user who replaces a dump and its manifest runs SQL as PostgreSQL's superuser, also by `--verify`, which
  restores beside the live database. The SHA-256 and the counts are in the manifest, so they show damage,
  not forgery. A key to sign the manifest would lie on the node, and an intruder there could use it.
  Restrict write access to the bucket, and prefer the drill, which restores into a throwaway server. A
  restore refuses psql's own commands (see above).
- SIGKILL, a power cut, a stopped cron, and a configuration that cannot be read raise no alert: no program
  is left to raise it, or knows the command for it. The check of the newest backup's age shows them.
- A PostgreSQL server that neither answers nor ends its connections (a frozen disk) blocks a run until it
  recovers, or somebody interrupts the run. The run of the next night then fails on the lock, and raises the
  alert. A run waits 10 minutes for a table's lock, and five times 60 seconds for an answer of S3.
- boto3 tries again after the codes in S3's answers that it knows, or after 500 to 504. A 408 or 429 without
  such a code, for example from a proxy, ends the run. It fails safely; the next run is the second attempt.
- Tables that `pg_dump` leaves out are in no backup, and are not counted: members of an extension (of these,
  `pg_dump` takes the rows that the extension names as configuration), and tables in `information_schema` or
  in a schema whose name begins with `pg_`.
- Some things that `pg_dump` writes cannot be loaded again. They are in the bucket, and no restore of them
  ends well: each verification fails until somebody changes the database. Known cases: a constraint whose
  function finds its tables by the search path, a `regclass` that names an index, a column of the row type
  of a table that inherits.
- A dump cannot name the operator of `is distinct from` in a view or in a trigger's condition if the
  operator is not PostgreSQL's own (citext). `restore --keep-going` restores it, and names the trigger.
- A subscription is in the dump, but a restore leaves it out: otherwise the restored database would receive
  changes beside the formerly live one. Create it again. Drop the one of a `DATABASE_before_ID` before the
  next restore.
- A database in `SQL_ASCII` with bytes that are not UTF-8 cannot be backed up: the run fails and says so.
  Thousands of tables need as many locks: if there are too few, the last line names the setting to change.
- If a clock was once years ahead, the backups of that time stay the newest until that day. Later backups
  are named after them, with a warning each time, and nothing is removed. Remove these backups by hand.
- `VACUUM FULL`, `CLUSTER`, or another change of a table that ends while a backup waits for the table makes
  the backup fail. Run it again, and schedule such work at another hour.
- A user who may create tables in the database can have a check constraint's function run as the superuser
  who restores, also by `--verify`, as with any `pg_restore`. Let only users create tables whom you trust
  with the server.
- A table that is partitioned by the hash of an enum's value is backed up, but its rows come back in other
  partitions. Each partition is compared, so a verification and a restore end with exit code 4.
- If S3 confirms an object that it has not stored, only a verification shows it. If PostgreSQL dumps and
  counts the same wrong rows, nothing shows it.
"""


def page() -> str:
    """The whole of docs/faults-table.md."""
    parts = [INTRODUCTION]
    for heading, groups in TABLE.items():
        parts.append(f"\n## {heading}\n\n| fault | moment | what happens | test |\n|---|---|---|---|\n")
        parts += [row for test, faults in groups for row in rows(test, faults)]
    parts.append(
        "\n## Guards\n\nEach guard was removed from the program, and the test in its row failed.\n\n"
    )
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
