"""The drill's server: one that lacks something is refused, one that a user names is left as it was."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner

from pipeline.backups.catalogue import Backup
from pipeline.backups.drill import in_words
from pipeline.backups.places import on_this_machine
from pipeline.cli import main
from pipeline.errors import ServerLacks, ToolError
from pipeline.servers import named
from pipeline.servers.named import named_server
from pipeline.servers.postgres import Postgres, postgres
from tests.node.test_drill import drilled
from tests.support.backup_node import Node
from tests.support.noted import Noted

LACKING = {
    "extension": ({"extensions": ["pg_trgm"]}, "the extension pg_trgm"),
    "locale": ({"locales": ["icu de-DE"]}, "the locale icu de-DE"),
    "compression": ({"compression": ["lz4"]}, "the compression lz4"),
}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server beside the database's own."""
    with start_blocking_portal() as portal:
        opened = portal.wrap_async_context_manager(postgres(tmp_path_factory.mktemp("second") / "data"))
        with opened as server:
            yield server


@pytest.fixture
def known(second: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its address; its password is in the environment."""
    monkeypatch.setenv("PGPASSWORD", second.password)
    monkeypatch.setenv("PGUSER", second.user)
    monkeypatch.delenv("PGPASSFILE", raising=False)
    return f"{second.host}:{second.port}"


def cluster(server: Postgres) -> str:
    """All that a server has outside its databases, and the databases' names."""
    command = [str(server.bin / "pg_dumpall"), "--globals-only", "--no-role-passwords"]
    done = subprocess.run(command, env=server.environment, text=True, capture_output=True, check=True)
    lines = [line for line in done.stdout.splitlines() if "restrict" not in line]
    return "\n".join([*lines, server.psql("select datname, oid from pg_database order by 1")])


@pytest.mark.parametrize("kind", LACKING)
async def test_a_server_that_lacks_what_is_needed_is_refused_at_once(stocked: Node, kind: str) -> None:
    needs, lacked = LACKING[kind]
    stocked.rewrite(lambda manifest: manifest.update(needs=needs))
    gone = [key for key in stocked.objects() if key.endswith("zst")]
    for key in gone:  # whoever wants them now fails otherwise
        stocked.s3.delete_object(Bucket=stocked.bucket, Key=key)
    with pytest.raises(ServerLacks) as caught:
        await drilled(stocked)
    assert caught.value.exit_code == 3
    assert "drill: the PostgreSQL that comes with the pipeline cannot hold backup" in caught.value.what
    assert f"the server lacks {lacked}; nothing was restored" in caught.value.what
    assert "--image IMAGE" in caught.value.fix and "--server HOST:PORT" in caught.value.fix


async def test_a_named_server_is_drilled_on_and_left_as_it_was(
    node: Node, second: Postgres, known: str
) -> None:
    node.create()
    role = f"owner_{node.token}"
    node.sql(f"create role {role}; alter table notes owner to {role}")
    assert node.backup().code == 0
    theirs = f"{node.database}_restore_00000000"
    second.psql(f"create database {node.database}")
    second.psql(f"create database {theirs}")
    before = cluster(second)
    figures = await drilled(node, place=on_this_machine(server=named_server(known)))
    assert (figures["mismatches"], figures["rows"], figures["server"]) == (0, 1000, f"the server {known}")
    assert f"restored from S3 into the server {known}" in in_words(figures)
    assert cluster(second) == before


async def test_a_password_may_be_in_a_file(
    stocked: Node, second: Postgres, known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    passwords.write_text(f"*:*:*:*:{second.password}\n")
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert (await drilled(stocked, place=on_this_machine(server=named_server(known))))["mismatches"] == 0


async def test_a_server_that_lets_nobody_in_is_told_with_its_own_words(
    stocked: Node, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of-nobody")
    with pytest.raises(ToolError, match=f"cannot be reached at {known} as admin") as caught:
        await drilled(stocked, place=on_this_machine(server=named_server(known)))
    assert "password authentication failed" in caught.value.tail
    assert "PGPASSFILE" in caught.value.fix
    assert "of-nobody" not in str(caught.value)


async def test_a_server_newer_than_the_clients_needs_its_own(
    known: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = named_server(known)
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\necho 990001\n")
    psql.chmod(0o755)
    with pytest.raises(ToolError, match="is PostgreSQL 99, but this machine has no clients for it") as caught:
        await named.reach(replace(server, bin=tmp_path))
    assert "postgresql-client-99" in caught.value.fix


async def test_the_progress_says_which_server_and_why(
    known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, backup = Noted(), Backup("20260101T000000Z-0123abcd", True, datetime.now(UTC))
    async with on_this_machine(server=named_server(known))(lambda _: {}, backup, progress):
        assert progress.notes == [f"drill: restores into the server {known}: --server names it"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--server", "postgresql://me:of-nobody@db"), "set PGPASSWORD or PGPASSFILE"),
        (("--server", "db/nocodb"), "is not the address of a server"),
        (("--image", "--privileged"), "is not an image name"),
        (("--image", "postgres:18", "--server", "db"), "cannot be used together"),
    ],
)
def test_bad_input_is_refused(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["drill", *words])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert "of-nobody" not in done.output
