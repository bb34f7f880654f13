"""A node with its program: its own database, bucket, configuration; and tools that can be replaced."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import zstandard

from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_runs import Finished, finish, identifier

SCRIPTS = REPOSITORY / "infrastructure/ansible/roles/pg_backup/files"
PATH = "/usr/bin:/bin"  # cron's

SAMPLE = """
create table customers (id int primary key, name text not null, balance numeric(12, 2));
insert into customers select n, 'customer ' || n, n * 1.5 from generate_series(1, 500) n;
create table notes (written timestamptz default now(), note text);
insert into notes select now(), repeat(md5(n::text), 20) from generate_series(1, 500) n;
"""


@dataclass
class Node:
    directory: Path
    server: Postgres
    storage: LocalStack
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:8])  # in the name of all that is this node's
    scripts: Path = SCRIPTS
    path: str = PATH
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database, self.bucket = f"app_{self.token}", f"backups-{self.token}"
        self.bin, self.config = self.directory / "bin", self.directory / "pg-backup.conf"
        self.alerts = self.directory / "alerts"
        self.bin.mkdir(parents=True)
        (self.directory / "state").mkdir(0o700)
        for program in self.server.bin.iterdir():
            (self.bin / program.name).symlink_to(program)
        self.replace("alert", f'printf "%s\\n" "$1" >>{self.alerts}')
        passwords = self.directory / "pgpass"
        passwords.touch(0o600)
        passwords.write_text(f"*:*:*:*:{self.server.password}\n")
        self.s3 = boto3.Session("test", "test", region_name=self.storage.region).client(
            "s3", endpoint_url=self.storage.endpoint
        )
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": self.storage.region}
        )
        self.configure()

    def configure(self, **changes: str) -> None:
        values = {
            "DATABASE": self.database,
            "BACKUP_BUCKET": self.bucket,
            "STATE_DIR": str(self.directory / "state"),
            "LOCK_FILE": str(self.directory / "state" / "lock"),
            "KEEP_DAILY": "7",
            "KEEP_WEEKLY": "4",
            "MAX_AGE_HOURS": "26",
            "PG_SERVICE": "",
            "PG_BIN": str(self.bin),
            "PGHOST": self.server.host,
            "PGPORT": str(self.server.port),
            "PGUSER": self.server.user,
            "PGPASSFILE": str(self.directory / "pgpass"),
            "ATTACHMENTS_DIR": "",
            "ON_FAILURE": str(self.bin / "alert"),
            **self.storage.environment,
            **changes,
        }
        self.database = values["DATABASE"]
        quoted = {key: value.replace("'", "'\\''") for key, value in values.items()}
        self.config.touch(0o600)
        self.config.write_text("".join(f"{key}='{value}'\n" for key, value in quoted.items()))

    def replace(self, program: str, body: str) -> Path:
        """Put a bash script in a program's place. `$REAL` is the program itself."""
        shim = self.bin / program
        real = self.server.bin / program
        shim.unlink(missing_ok=True)
        shim.write_text(f"#!/bin/bash\nREAL={real if real.exists() else f'/usr/bin/{program}'}\n{body}\n")
        shim.chmod(0o755)
        return shim

    def mutate(self, script: str, guard: str, instead: str) -> None:
        """Remove a guard from a copy of the program."""
        copy = Path(tempfile.mkdtemp(prefix="program-", dir=self.directory))
        shutil.copytree(self.scripts, copy, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        self.scripts = copy
        file = copy / "quickdata_node" / script
        text = file.read_text()
        assert text.count(guard) == 1, f"{script} has {text.count(guard)} times: {guard}"
        file.write_text(text.replace(guard, instead))

    @contextmanager
    def changes_undone(self) -> Iterator[None]:
        """Undo at the end what the block takes out of the program, and nothing that was taken out before."""
        before = self.scripts
        try:
            yield
        finally:
            self.scripts = before

    # --- runs ---

    def command(self, script: str) -> list[str]:
        """What the command of that name runs on a node: the role writes it into a file of three lines."""
        return [sys.executable, "-I", "-X", "utf8", str(self.scripts / "quickdata_node"), script]

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command(script), "--config", str(self.config), *arguments],
            env={"PATH": self.path, **self.environment},
            cwd="/",
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def backup(self, *arguments: str) -> Finished:
        return finish(self.start("backup-pg.sh", *arguments))

    def restore(self, *arguments: str) -> Finished:
        return finish(self.start("restore-pg-latest.sh", *arguments))

    def refuses_to_restore(self, *arguments: str) -> str:
        """Run a restore that must fail and change nothing; return the exit code and the alert."""
        before = self.content()
        done = self.restore(*arguments)
        assert done.out == ""
        assert self.content() == before
        assert self.leaves_nothing()
        assert len(self.databases()) == 1
        return f"{done.code}: {self.alert()}"

    def alert(self) -> str:
        return self.alerts.read_text() if self.alerts.exists() else ""

    def leaves_nothing(self) -> bool:
        """No scratch database, no session, no file and no process of a run is left."""
        sessions = self.server.psql(
            "select count(*) from pg_stat_activity where application_name ~ '^quickdata'"
        )
        scratch = [name for name in self.databases() if "_restore_" in name]
        return sessions == "0" and not scratch and not self.files() and not self.processes()

    def files(self) -> list[Path]:
        return [file for file in (self.directory / "state").iterdir() if file.name != "lock"]

    def processes(self) -> dict[int, str]:
        """Process ids and command lines of the commands, and of whatever runs with a folder of theirs."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if str(self.config).encode() in line or f"TMPDIR={self.directory}".encode() in variables:
                found[int(process.name)] = line.decode(errors="replace").replace("\0", " ")
        return found

    # --- the database ---

    def sql(self, text: str) -> str:
        return self.server.psql(text, self.conninfo())

    def create(self, text: str = SAMPLE) -> None:
        self.server.psql(f"create database {identifier(self.database)}")
        self.sql(text)

    def left_by_a_restore(self, name: str) -> str:
        """Make a database that bears the mark of one that a restore made."""
        self.server.psql(f"create database {name}")
        number = self.server.psql(f"select oid from pg_database where datname = '{name}'")
        self.server.psql(f"alter database {name} set quickdata.mark to '{name} {number}'")
        return name

    @contextmanager
    def locked(self, table: str = "customers") -> Iterator[None]:
        """Let every session wait that reads the table."""
        with self.held(f"lock table {table}", "rollback"):
            yield

    @contextmanager
    def held(self, change: str, end: str = "commit") -> Iterator[None]:
        """Change something, and let other sessions wait before the transaction ends."""
        command = [str(self.server.bin / "psql"), "-XqAt", "-d", self.conninfo()]
        holder = subprocess.Popen(
            command, env=self.server.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdin and holder.stdout
        holder.stdin.write(f"begin; {change}; select 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate(f"{end};\n")

    def waits_for_a_lock(self) -> bool:
        """Whether the program's session waits for one."""
        waiting = (
            "wait_event_type = 'Lock' and application_name ~ '^quickdata' and datname = current_database()"
        )
        return self.sql(f"select count(*) from pg_stat_activity where {waiting}") != "0"

    def conninfo(self) -> str:
        name = self.database.replace("\\", "\\\\").replace("'", "\\'")
        return f"dbname='{name}'"

    def databases(self) -> list[str]:
        """The databases of this node, its own first."""
        query = f"select datname from pg_database where datname ~ '{self.token}' order by 1"
        return self.server.psql(query).splitlines()

    def content(self) -> str:
        """The database as plain SQL."""
        command = [str(self.server.bin / "pg_dump"), "--inserts", "--create", "-d", self.conninfo()]
        done = subprocess.run(
            command, env=self.server.environment, text=True, capture_output=True, check=True
        )
        return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)

    # --- the bucket ---

    def objects(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def backups(self) -> list[str]:
        """The names of the backups that exist, oldest first."""
        found = self.objects(f"postgres/{self.database}/")
        return [key.split("/")[-2] for key in found if key.endswith("/manifest.json")]

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def write(self, key: str, content: bytes | str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def manifest(self, backup: str | None = None) -> dict[str, Any]:
        return json.loads(self.read(f"postgres/{self.database}/{backup or self.backups()[-1]}/manifest.json"))

    def rewrite(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the newest manifest."""
        manifest = self.manifest()
        change(manifest)
        self.write(f"postgres/{self.database}/{self.backups()[-1]}/manifest.json", json.dumps(manifest))

    def forge_globals(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the newest backup's globals, with a manifest that agrees."""
        key = self.manifest()["objects"]["globals"]["key"]
        lines = zstandard.ZstdDecompressor().stream_reader(self.read(key)).read().splitlines()
        data = {name: value for line in lines for name, value in json.loads(line).items()}
        change(data)
        self.replace_globals(json.dumps(data))

    def replace_globals(self, text: str) -> None:
        """Put other globals into the newest backup, with a manifest that agrees."""
        key = self.manifest()["objects"]["globals"]["key"]
        forged = zstandard.ZstdCompressor().compress(text.encode())
        self.write(key, forged)
        sha256 = hashlib.sha256(forged).hexdigest()
        self.rewrite(lambda manifest: manifest["objects"]["globals"].update(sha256=sha256))

    def plant(self, backup: dict[str, bytes], source: str, name: str | None = None) -> str:
        """Put a backup of another node's database here, as if it were this node's."""
        old = next(iter(backup)).split("/")[-2]
        name = name or old
        for key, content in backup.items():
            body = content
            if key.endswith("manifest.json"):
                text = content.decode().replace(source, self.database).replace(old, name)
                body = text.replace(f'"{old[17:]}"', f'"{name[17:]}"').encode()
            self.write(key.replace(source, self.database).replace(old, name), body)
        return name
