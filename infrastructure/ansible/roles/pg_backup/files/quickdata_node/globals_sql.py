"""What a dump leaves out, as SQL: all roles, how the database is created, its settings and its grants."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from quickdata_node.server import Server

DATABASE = Path(__file__).with_name("globals.sql").read_text(encoding="utf-8")


def programs(server: Server, database: str) -> Sequence[Callable[[], "subprocess.Popen[bytes]"]]:
    """Return what starts the programs that write them, one after the other."""

    def roles() -> "subprocess.Popen[bytes]":
        command = ("pg_dumpall", "--no-password", "--globals-only", f"--database={server.maintenance}")
        return server.start(*command, stdout=subprocess.PIPE)

    def settings() -> "subprocess.Popen[bytes]":
        return server.start_sql(database, DATABASE, stdout=subprocess.PIPE)

    return roles, settings
