"""The guard of this folder: what a unit test may not do is refused, and told where the refusal is caught."""

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.unit.conftest import GUARD


@pytest.mark.parametrize(
    "outside",
    [
        lambda: subprocess.run(["true"], check=False),
        lambda: os.posix_spawnp("true", ["true"], os.environ),
        lambda: os.system("true"),
        lambda: os.waitpid(os.fork() or os._exit(0), 0),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.socket().bind(("127.0.0.1", 0)),
    ],
)
def test_a_test_that_starts_a_process_or_speaks_to_a_server_is_red(
    outside: Callable[[], object],
) -> None:
    with pytest.raises(RuntimeError, match="a unit test may not do this"):
        outside()
    with pytest.raises(pytest.fail.Exception, match="not a unit test"):
        GUARD.judge()
    GUARD.refused.clear()
