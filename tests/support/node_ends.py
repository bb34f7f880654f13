"""What a test's node leaves behind, and how it is removed."""

import os
import signal
from contextlib import suppress

from tests.support.backup_node import Node
from tests.support.backup_runs import identifier

MARK = ".quickdata-mark"
"""The file that a run leaves in a folder of its own."""


def remove(node: Node) -> None:
    """End what a node still runs, and drop what it has on the server."""
    for process in node.processes():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for name in node.databases():
        node.server.psql(f"drop database {identifier(name)} with (force)")
    drop = "format('drop owned by %I', rolname), format('drop role %I', rolname)"
    node.server.psql(f"select {drop} from pg_roles where rolname ~ '{node.token}' \\gexec")
