"""The database of a rehearsal; its SQL runs in psql steps."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.deployment import DATABASE, Deployment
from pipeline.servers.postgres import Postgres
from pipeline.steps.step import Step

SQL = Path(__file__).parent


@dataclass(frozen=True)
class Database:
    """The databases of one server.

    Args:
        d: runs the steps; its runner holds the password as PGPASSWORD.
        server: the server's address.
    """

    d: Deployment
    server: Postgres

    async def run(self, name: str, file: str) -> str:
        """Run one of the SQL files beside this module in the deployed database.

        Args:
            name: the name of the step, which users see.
            file: the file's name.

        Returns:
            The output of psql, unaligned and without headings.

        Raises:
            ToolError: the SQL failed.
        """
        return await self.sql(name, (SQL / file).read_text(encoding="utf-8"), DATABASE)

    async def sql(self, name: str, text: str, database: str) -> str:
        """Run SQL in any database, otherwise like `run`."""
        command = (str(self.server.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
        env = {k: v for k, v in self.server.environment.items() if k != "PGPASSWORD"}
        step = Step(name, command, env=env, secrets=("PGPASSWORD",), stdin=text)
        return (await self.d.run(step)).check().stdout.strip()

    async def fingerprint(self, when: str) -> str:
        """Return the count and digest of every table, independent of the program's own checksums."""
        return await self.run(f"fingerprint: {when}", "fingerprint.sql")
