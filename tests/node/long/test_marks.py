"""What a restore removes bears the mark of one; whatever only has such a name is somebody's, and stays."""

import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import wait_for
from tests.support.node_ends import MARK


def stays(log: str, name: str) -> bool:
    return f"kept {name}: these scripts did not mark it as theirs. If nobody needs it" in log


def test_databases_and_folders_of_the_users_own_survive_a_restore(node: Node, uploads: Path) -> None:
    left = node.left_by_a_restore(f"{node.database}_before_00000000")
    renamed = node.left_by_a_restore(f"{node.database}_before_11111111")
    mine = [f"{node.database}_before_{day}" for day in (20261101, 20261102, 20261103)]
    node.server.psql(
        f"create database {mine[0]} template template0; create database {mine[1]} template {left};"
        f"alter database {renamed} rename to {mine[2]}"
    )
    folder, copy = (uploads.with_name(f"uploads.before_{day}") for day in (20261101, 20261102))
    folder.mkdir()
    (folder / "mine").touch()
    shutil.copytree(uploads.with_name("uploads.before_00000000"), copy)
    done = node.restore()
    assert done.code == 0
    assert node.databases() == sorted([node.database, *mine, done.json["kept"]])
    assert sorted(path.name for path in uploads.parent.glob("uploads.before_*")) == sorted(
        [folder.name, copy.name, "uploads.before_me", f"uploads.before_{done.json['id']}"]
    )
    assert f"dropping the database {left}\n" in done.log
    assert f"removing {uploads}.before_00000000\n" in done.log
    assert all(stays(done.log, f"the database {name}") for name in mine)
    assert all(stays(done.log, str(path)) for path in (folder, copy))


def test_a_database_of_the_users_own_survives_a_verification(stocked: Node) -> None:
    left = stocked.left_by_a_restore(f"{stocked.database}_restore_00000000")
    mine = f"{stocked.database}_restore_20261101"
    stocked.server.psql(f"create database {mine} template template0")
    done = stocked.restore("--verify")
    assert done.code == 0
    assert stocked.databases() == [stocked.database, mine]
    assert f"dropping the database {left}\n" in done.log
    assert stays(done.log, f"the database {mine}")


@pytest.mark.parametrize("kind", ["restore", "before"])
def test_a_restore_that_needs_a_name_of_somebody_else_touches_nothing(
    node: Node, uploads: Path, kind: str
) -> None:
    taken = f"{node.database}_{kind}_{node.manifest()['id']}"
    node.server.psql(f"create database {taken}")
    before = node.databases()
    done = node.restore()
    assert (done.code, node.databases()) == (1, before)
    assert (
        f"a database called {taken} is in the way, and no restore marked it as its own; rename it"
        in node.alert()
    )
    node.server.psql(f"drop database {taken}")
    folder = uploads.with_name(f"uploads.{kind}_{node.manifest()['id']}")
    folder.mkdir()
    assert node.restore().code == 1
    assert f"{folder} is in the way, and no restore marked it as its own; move it: " in node.alert()
    assert folder.is_dir()


def test_a_database_that_was_not_marked_yet_stays_and_is_named_with_the_command(stocked: Node) -> None:
    ends_before = 'sql=$(cat); "$REAL" "$@" <<<"${sql%%\\\\unrestrict*}" && [[ $* != *target=* ]]'
    shim = stocked.replace("psql", ends_before)
    scratch = f"{stocked.database}_restore_{stocked.manifest()['id']}"
    done = stocked.restore("--verify")
    assert done.code == 1
    assert stays(done.log, f"the database {scratch}")
    shim.unlink()
    shim.symlink_to(stocked.server.bin / "psql")
    assert (
        f"a database called {scratch} is in the way, and no restore marked it as its own"
        in stocked.restore("--verify").log
    )
    command = re.search(r"in psql: (drop database .*;)", done.log)
    assert command
    stocked.server.psql(command[1])
    assert stocked.restore("--verify").code == 0


def test_what_was_live_and_is_live_again_is_never_taken_for_ours(node: Node, uploads: Path) -> None:
    first = node.restore().json["kept"]
    node.server.psql(
        f"drop database {node.database}; alter database {first} rename to {node.database};"
        f"comment on database {node.database} is 'mine'"
    )
    shutil.rmtree(uploads)
    uploads.with_name(f"uploads.before_{first[-8:]}").rename(uploads)
    assert (uploads / MARK).exists()
    assert node.backup().code == 0
    assert node.restore("--verify").code == 0
    assert node.leaves_nothing()
    second = node.restore().json["kept"]
    assert node.databases() == [node.database, second]
    for name in (node.database, second):
        comment = f"select shobj_description(oid, 'pg_database') from pg_database where datname = '{name}'"
        assert node.server.psql(comment) == "mine"
    assert "quickdata.mark" not in node.content()
    assert sorted(file.name for file in uploads.iterdir()) == ["new", "old"]
    assert node.restore().code == 0
    assert node.databases() == [node.database, second]
    assert len(list(uploads.parent.glob("uploads.before_*"))) == 2  # that one, and the user's


def test_only_what_a_killed_run_marked_goes_from_the_state_directory(stocked: Node) -> None:
    state = stocked.directory / "state"
    (state / "run.20261101").mkdir()
    with stocked.locked():
        running = stocked.start("backup-pg.sh")
        wait_for(stocked.waits_for_a_lock)
        running.send_signal(signal.SIGKILL)
        running.wait()
    wait_for(lambda: not stocked.processes())
    assert len(stocked.files()) == 2
    done = stocked.backup()
    assert done.code == 0
    assert stocked.files() == [state / "run.20261101"]
    assert stays(done.log, str(state / "run.20261101"))


def test_a_role_that_somebody_else_made_meanwhile_stays(stocked: Node) -> None:
    role = f"late_{stocked.token}"
    stocked.forge_globals(lambda data: data["roles"].append({**data["roles"][0], "name": role}))
    first = f'"$REAL" -Xqd postgres -c "create role {role}"'
    stocked.replace(
        "psql", f'sql=$(cat); [[ $sql != *"create role"* ]] || {first}; exec "$REAL" "$@" <<<"$sql"'
    )
    done = stocked.restore("--verify")
    assert (done.code, f'role "{role}" already exists' in done.log) == (1, True)
    assert stocked.server.psql(f"select count(*) from pg_roles where rolname = '{role}'") == "1"
