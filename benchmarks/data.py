"""Compare the node's program with the usual commands, on the same server and the same S3."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Measure, measured
from pgbackrest import PGBACKREST, PREFIX, Pair

from pipeline.deployment import DATABASE
from pipeline.rehearsal.surroundings import Surroundings

if TYPE_CHECKING:
    from mypy_boto3_s3.service_resource import Bucket

FILL = Path(__file__).with_name("fill.sql")
COPY = "by_pipe"
"""The database into which the pipe restores."""

BACKUP, RESTORE = "backup-pg.sh", "restore-pg-latest.sh"
GZIP = "pg_dump | gzip | aws s3 cp -"
NULL, PSQL = "pg_dump -Fc -Z0 > /dev/null", "aws s3 cp - | gunzip | psql"
PIPES = {
    GZIP: f'pg_dump {DATABASE} | gzip | aws s3 cp - "$BUCKET/gzip/dump"',
    NULL: f"pg_dump -Fc -Z0 {DATABASE} > /dev/null",
    PSQL: f'aws s3 cp "$BUCKET/gzip/dump" - | gunzip | psql -Xq {COPY} > /dev/null',
}
STORES = {GZIP: "gzip/", BACKUP: "postgres/", PGBACKREST: PREFIX}
"""The prefixes of the backups in the bucket."""


@dataclass(frozen=True)
class Node:
    """A local node with its program, and with pgBackRest for comparison.

    Args:
        around: the server of the database, and the emulator.
        bucket: the bucket of the backups.
        pair: pgBackRest and its server; None if it is not available.
    """

    around: Surroundings
    bucket: "Bucket"
    pair: Pair | None

    def fill(self, megabytes: int, incompressible: int = 50, compared: bool = False) -> int:
        """Put data into the database.

        Args:
            megabytes: the approximate amount.
            incompressible: the percentage of data that cannot be compressed.
            compared: whether pgBackRest's server gets the same data.

        Returns:
            The database's size in bytes.
        """
        server, sql = self.around.database, FILL.read_text()
        sql = sql.replace(":megabytes", str(megabytes)).replace(":incompressible", str(incompressible))
        server.psql(sql, DATABASE)
        if self.pair and compared:
            self.pair.fill(sql)
        return int(server.psql(f"SELECT pg_database_size('{DATABASE}')"))

    def measure(self, way: str) -> Measure:
        """Measure one command; a backup starts without earlier backups of its kind."""
        if way in STORES:
            self.bucket.object_versions.filter(Prefix=STORES[way]).delete()
        if way == PSQL:
            self.around.database.psql(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")
            self.around.database.psql(f"CREATE DATABASE {COPY}")
        if way == PGBACKREST and self.pair:
            self.pair.prepare()
        return replace(measured(self._command(way), self._environment(way)), stored=self._stored(way))

    def clear(self) -> None:
        """Drop the databases that restores have left."""
        server = self.around.database
        for database in server.psql("SELECT datname FROM pg_database").split():
            if database == COPY or database.startswith(f"{DATABASE}_before_"):
                server.psql(f"DROP DATABASE {database} WITH (FORCE)")

    def pgbackrest(self) -> list[str]:
        """Return the name of pgBackRest's command, if it is available."""
        return [PGBACKREST] if self.pair else []

    def _stored(self, way: str) -> int:
        if way not in STORES:
            return 0
        return sum(one.size for one in self.bucket.objects.filter(Prefix=STORES[way]))

    def _root(self) -> Path:
        return Path(self.around.workspace) / "nodes/database"

    def _command(self, way: str) -> Sequence[str]:
        if way == PGBACKREST and self.pair:
            return self.pair.command()
        if way in PIPES:
            return ("bash", "-euo", "pipefail", "-c", PIPES[way])
        return (
            f"{self._root()}/usr/local/sbin/{way}",
            "--config",
            f"{self._root()}/etc/quickdata/pg-backup.conf",
        )

    def _environment(self, way: str) -> Mapping[str, str]:
        if way == PGBACKREST and self.pair:
            return self.pair.environment()
        if way in (BACKUP, RESTORE):
            return {"PATH": "/usr/bin:/bin", "HOME": str(self._root())}
        server, aws = self.around.database, Path(sys.executable).parent
        path = {"PATH": f"{server.bin}:{aws}:/usr/bin:/bin", "BUCKET": f"s3://{self.bucket.name}"}
        return {**path, **server.environment, **self.around.aws.environment}


def alternate(node: Node, times: int, *ways: str) -> dict[str, list[Measure]]:
    """Measure each command several times, in turns; each turn begins with another command."""
    found: dict[str, list[Measure]] = {way: [] for way in ways}
    for turn in range(times):
        first = turn % len(ways)
        for way in ways[first:] + ways[:first]:
            found[way].append(node.measure(way))
            print(f"{way}: {found[way][-1].wall:.1f} s", flush=True)
    return found
