"""A server in the one container of a Swarm service: a stand-in for docker runs the command here.

It passes on nothing but the variables it is given, as a container would.
"""

import pytest

from tests.support.backup_node import Node

DOCKER = r"""
case $1 in
  ps) [[ $* == *"label=com.docker.swarm.service.name=nocodb_db"* ]] && printf '%s' "$CONTAINERS" ;;
  exec)
    [[ $2 == -i ]] || exit 99
    shift 2
    variables=(PATH=BIN:/usr/bin PGHOST=SERVER PGPORT=PORT PGPASSFILE=PASSFILE)
    while [[ $1 == -e ]]; do variables+=("$2=${!2}") && shift 2; done
    [[ $1 == 4f2a ]] || exit 98
    exec env -i "${variables[@]}" "${@:2}"
    ;;
esac
"""


def containers(node: Node, found: str) -> None:
    """Let docker find these; the program's PATH has it, and no PostgreSQL client."""
    body = DOCKER.replace("BIN", str(node.server.bin)).replace("SERVER", node.server.host)
    body = body.replace("=PORT", f"={node.server.port}").replace("=PASSFILE", f"={node.directory}/pgpass")
    docker = node.directory / "docker-bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(f"#!/bin/bash\nCONTAINERS={found}\n{body}")
    docker.chmod(0o755)
    node.path = f"{docker.parent}:/usr/bin:/bin"
    node.configure(PG_SERVICE="nocodb_db", PGHOST="", PGPORT="", PGPASSFILE="", PG_BIN="")


def test_the_one_container_of_the_service_is_backed_up_and_restored(node: Node) -> None:
    node.create()
    containers(node, "$'4f2a\\n'")
    assert node.backup().json["rows"] == 1000
    node.sql("drop table notes")
    assert node.restore().code == 0
    assert node.sql("select count(*) from notes") == "500"


@pytest.mark.parametrize(("found", "count"), [("''", 0), ("$'4f2a\\n77c1\\n'", 2)])
def test_no_container_or_two_are_a_failure(node: Node, found: str, count: int) -> None:
    containers(node, found)
    done = node.backup()
    assert done.code == 1
    assert f"{count} containers of the service nocodb_db run on this node, not 1; look at" in done.log
