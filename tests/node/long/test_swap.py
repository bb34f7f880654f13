"""restore-pg-latest.sh: the swap of the databases, and the roles that come along."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.node_ends import MARK
from tests.support.runbook import commands


def test_the_live_database_is_kept_until_the_next_restore(stocked: Node) -> None:
    another = stocked.left_by_a_restore(f"{stocked.database}_before_me_before_00000000")
    left = [
        stocked.left_by_a_restore(f"{stocked.database}_{kind}_00000000") for kind in ("before", "restore")
    ]
    stocked.sql("delete from customers")
    done = stocked.restore()
    kept = done.json["kept"]
    assert all(f"dropping the database {name}\n" in done.log for name in left)
    assert stocked.server.psql("select count(*) from customers", kept) == "0"
    assert stocked.databases() == [stocked.database, kept, another]
    assert stocked.restore().json["kept"] == kept
    assert stocked.server.psql("select count(*) from customers", kept) == "500"
    assert stocked.databases() == [stocked.database, kept, another]


def test_clients_that_reconnect_all_the_time_do_not_stop_the_swap(stocked: Node) -> None:
    stop = threading.Event()

    def reconnect() -> None:
        command = [
            str(stocked.server.bin / "psql"),
            "-XqAt",
            "-d",
            stocked.database,
            "-c",
            "select pg_sleep(60)",
        ]
        while not stop.is_set():
            subprocess.run(command, env=stocked.server.environment, capture_output=True, check=False)

    clients = [threading.Thread(target=reconnect) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        done = stocked.restore()
    finally:
        stop.set()
        stocked.server.psql(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{stocked.database}'"
        )
        for client in clients:
            client.join()
    assert done.code == 0
    assert len(stocked.databases()) == 2


def test_a_swap_that_fails_leaves_the_live_database(stocked: Node) -> None:
    stocked.replace(
        "psql",
        'if [[ " $* " == *" spare="* ]]; then exec "$REAL" "${@:1:1}" -d nowhere; fi; exec "$REAL" "$@"',
    )
    assert "the databases cannot be swapped, nothing live has changed" in stocked.refuses_to_restore()


# --- attachments ---

LIVE = [
    f"uploads.before_00000000/{MARK}",
    "uploads.before_00000000/older",
    "uploads.before_me/mine",
    "uploads/new",
    "uploads/old",
]


def attachments(node: Node) -> list[str]:
    return sorted(str(path.relative_to(node.directory)) for path in node.directory.glob("uploads*/*"))


def after_a_move(node: Node, happens: str) -> None:
    """Let something happen whenever all entries of a folder were moved."""
    move = "        shutil.move(entry, target / entry.name)\n"
    node.mutate("attachments.py", move, f"{move}    MOVES.append(source)\n    {happens}\n")
    node.mutate("attachments.py", "TOLERATED = (0, 1)\n", "TOLERATED = (0, 1)\nMOVES = []\n")


def restores_and_keeps(node: Node) -> None:
    """A restore that succeeds, and keeps what was live until then."""
    done = node.restore()
    assert node.server.psql("select count(*) from customers", done.json["kept"]) == "0"
    kept = f"uploads.before_{done.json['id']}"
    assert attachments(node) == sorted(
        [f"{kept}/{MARK}", f"{kept}/new", f"{kept}/old", "uploads.before_me/mine", "uploads/old"]
    )


@pytest.mark.parametrize("move", [1, 2])
def test_attachments_that_cannot_be_swapped_leave_all_that_is_live(
    node: Node, uploads: Path, move: int
) -> None:
    with node.changes_undone():
        after_a_move(node, f"if len(MOVES) == {move}: raise OSError('the disk failed')")
        assert "the attachments cannot be swapped, nothing live has changed" in node.refuses_to_restore()
        assert attachments(node) == LIVE
    restores_and_keeps(node)


def test_databases_that_cannot_be_swapped_leave_the_attachments(node: Node, uploads: Path) -> None:
    node.replace("psql", '[[ " $* " != *" spare="* ]] && exec "$REAL" "$@"')
    assert "the databases cannot be swapped, nothing live has changed" in node.refuses_to_restore()
    assert attachments(node) == LIVE


def test_attachments_that_cannot_be_moved_back_are_named_and_never_dropped(node: Node, uploads: Path) -> None:
    aside = f"{uploads}.aside_{node.manifest()['id']}"
    with node.changes_undone():
        moves = "    for entry in sorted(source.iterdir()):"
        node.mutate("attachments.py", moves, f"    if source.name != 'uploads': raise OSError\n{moves}")
        said = node.refuses_to_restore()
    assert f"the live database has not changed, its attachments are in {aside}; move them back" in said
    left = attachments(node)
    assert {f"uploads.aside_{aside[-8:]}/{name}" for name in ("new", "old")} < set(left)
    assert f"uploads.restore_{aside[-8:]}/files" in left, "it may hold what came in meanwhile"
    assert f"{aside} holds attachments that were live; put them back" in node.refuses_to_restore()
    assert attachments(node) == left


@pytest.mark.parametrize("move", [1, 2])
def test_what_a_killed_swap_left_is_neither_backed_up_nor_restored_over(
    node: Node, uploads: Path, move: int
) -> None:
    before, backups = node.content(), node.backups()
    with node.changes_undone():
        after_a_move(node, f"if len(MOVES) == {move}: os.kill(os.getpid(), 9)")
        assert node.restore().code == -9
    wait_for(lambda: not node.processes())
    aside = Path(f"{uploads}.aside_{node.manifest()['id']}")
    assert sorted(file.name for file in aside.iterdir()) == ["new", "old"]
    refused = f"an earlier restore ended halfway: {aside} holds attachments that were live; put them back"
    done = node.backup()
    assert (done.code, node.backups()) == (1, backups)
    assert f"backup-pg.sh: {refused}" in node.alert()
    assert refused in node.restore().log
    assert node.content() == before
    for command in commands("A restore was killed")[1:-1]:
        here = command.replace("/srv/quickdata/nocodb", str(uploads)).replace("aside_ID", aside.name[-14:])
        subprocess.run(here, shell=True, check=True)
    assert node.backup().code == 0
    assert sorted(file.name for file in uploads.iterdir()) == ["new", "old"]
    assert node.restore().code == 0
    assert sorted(file.name for file in uploads.iterdir()) == ["new", "old"]
    assert not list(node.directory.glob("uploads.restore_*")), "what the killed one had unpacked"


KILLED_BEFORE_THE_RENAME = """
if [[ " $* " == *" spare="* ]]; then
  text=$(cat)
  [[ $text != begin* ]] || { kill -9 $PPID; exit 1; }
  exec "$REAL" "$@" <<<"$text"
fi
exec "$REAL" "$@"
"""


def test_when_a_swap_is_killed_others_sessions_are_not_ended_for_ever(stocked: Node) -> None:
    stocked.replace("psql", KILLED_BEFORE_THE_RENAME)
    before = stocked.databases()
    assert stocked.restore().code == -9
    wait_for(lambda: not stocked.processes(), 60)
    assert len(stocked.databases()) == len(before) + 1, "the scratch database, of which nothing was swapped"


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_signal_does_not_stop_the_swap_halfway(node: Node, uploads: Path, name: str) -> None:
    after_a_move(node, f"os.kill(os.getpid(), {signal.Signals[f'SIG{name}']})")
    restores_and_keeps(node)


def test_a_lost_database_comes_back(stocked: Node) -> None:
    stocked.server.psql(f"drop database {stocked.database}")
    done = stocked.restore()
    assert (done.code, done.json["kept"]) == (0, None)
    assert stocked.sql("select count(*) from customers") == "500"


def test_an_interrupted_restore_leaves_nothing_behind(stocked: Node) -> None:
    before = stocked.content()
    with stocked.locked():
        stocked.replace("pg_restore", f'exec psql -qd {stocked.database} -Atc "table public.customers" >&2')
        running = stocked.start("restore-pg-latest.sh")
        wait_for(stocked.waits_for_a_lock)
        os.kill(running.pid, 15)
        done = finish(running)
    assert done.code == 143
    assert stocked.content() == before
    assert stocked.databases() == [stocked.database]
    assert stocked.leaves_nothing()


def test_missing_roles_are_created_and_existing_ones_never_altered(roles: tuple[Node, str, str]) -> None:
    node, owner, reader = roles
    node.sql(f"drop role {reader}; alter role \"{owner}\" password 'rotated' connection limit 9")
    rotated = node.server.psql(f"select rolpassword, rolconnlimit from pg_authid where rolname = '{owner}'")
    assert node.restore().code == 0
    assert (
        node.server.psql(f"select rolpassword, rolconnlimit from pg_authid where rolname = '{owner}'")
        == rotated
    )
    assert node.sql(f"select has_table_privilege('{reader}', 'notes', 'select')") == "t"
    assert node.sql(f"select pg_has_role('{owner}', '{reader}', 'member')") == "t"


def test_a_missing_role_comes_back_with_its_password(roles: tuple[Node, str, str]) -> None:
    node, owner, _ = roles
    node.sql(f'drop role "{owner}"')
    assert node.restore().code == 0
    assert (
        node.server.psql(
            f"select rolpassword ~ '^SCRAM', rolconnlimit from pg_authid where rolname = '{owner}'"
        )
        == "t|5"
    )


def test_verify_brings_no_role_back(roles: tuple[Node, str, str]) -> None:
    node, owner, reader = roles
    node.sql(f'drop role "{owner}"; drop role {reader}')
    assert node.restore("--verify").code == 0
    assert node.server.psql(f"select count(*) from pg_roles where rolname in ('{owner}', '{reader}')") == "0"
