"""The scripts beside the commands that people put in a cron line, on the same server and the same S3."""

from dataclasses import dataclass
from pathlib import Path

from measure import Measure, measured

from pipeline.deployment import DATABASE
from pipeline.rehearsal.surroundings import Surroundings

FILL = Path(__file__).with_name("fill.sql")
COPY = "by_pipe"
"""The database into which the pipe restores."""

PIPES = {
    "pg_dump | gzip | aws s3 cp -": f'pg_dump {DATABASE} | gzip | aws s3 cp - "$OBJECT"',
    "pg_dump -Fc -Z0 > /dev/null": f"pg_dump -Fc -Z0 {DATABASE} > /dev/null",
    "aws s3 cp - | gunzip | psql": f'aws s3 cp "$OBJECT" - | gunzip | psql -Xq {COPY} > /dev/null',
}
BACKUP, RESTORE = "backup-pg.sh", "restore-pg-latest.sh"


@dataclass(frozen=True)
class Node:
    """A local node with the scripts, the server that they back up, and the bucket."""

    around: Surroundings
    bucket: str

    def fill(self, megabytes: int) -> int:
        """Put that much data into the database; return its size in bytes."""
        server = self.around.database
        server.psql(FILL.read_text().replace(":megabytes", str(megabytes)), DATABASE)
        return int(server.psql(f"SELECT pg_database_size('{DATABASE}')"))

    def pipe(self, name: str) -> Measure:
        """Measure one of the pipes."""
        if COPY in PIPES[name]:
            self.around.database.psql(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")
            self.around.database.psql(f"CREATE DATABASE {COPY}")
        return measured(("bash", "-euo", "pipefail", "-c", PIPES[name]), self._environment())

    def script(self, name: str) -> Measure:
        """Measure one of the scripts."""
        root = self._root()
        command = (f"{root}/usr/local/sbin/{name}", "--config", f"{root}/etc/quickdata/pg-backup.conf")
        return measured(command, {"PATH": "/usr/bin:/bin", "HOME": str(root)})

    def round(self, *names: str) -> dict[str, Measure]:
        """Measure pipes and scripts, one after the other."""
        return {name: self.pipe(name) if name in PIPES else self.script(name) for name in names}

    def clear(self) -> None:
        """Drop what restores have left beside the database."""
        server = self.around.database
        for database in server.psql("SELECT datname FROM pg_database").split():
            if database == COPY or database.startswith(f"{DATABASE}_before_"):
                server.psql(f"DROP DATABASE {database} WITH (FORCE)")

    def _root(self) -> Path:
        return self.around.workspace / "nodes/database"

    def _environment(self) -> dict[str, str]:
        server, aws = self.around.database, self._root() / "opt/quickdata/awscli/bin"
        path = {"PATH": f"{server.bin}:{aws}:/usr/bin:/bin", "OBJECT": f"s3://{self.bucket}/pipe/dump.sql.gz"}
        return {**path, **server.environment, **self.around.aws.environment}


def alternate(node: Node, times: int, *names: str) -> dict[str, list[Measure]]:
    """Measure each several times, in turns, beginning with another one each time."""
    found: dict[str, list[Measure]] = {name: [] for name in names}
    for turn in range(times):
        ordered = names[turn % len(names) :] + names[: turn % len(names)]
        for name, one in node.round(*ordered).items():
            found[name].append(one)
    return found
