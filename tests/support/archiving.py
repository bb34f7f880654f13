"""A database's container that archives its WAL, beside LocalStack, and the node's commands for it."""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from anyio.from_thread import start_blocking_portal
from jinja2 import Template

from pipeline.deploy.upgrade import PITR_BUILT
from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import LocalStack, localstack
from quickdata_node.physical.container import (
    CONFIG_DIRECTORY,
    DATA,
    KEYS,
    KEYS_DIRECTORY,
    STANZA,
    USER,
)
from quickdata_node.physical.throwaway import NAME
from tests.support.backup_node import PATH, SCRIPTS
from tests.support.backup_runs import Finished, finish, wait_for

IMAGE = f"{PITR_BUILT}18.4-bookworm"
DATABASE, ROLE = "app", "admin"
POSTGRES = 999
"""The number of the user in the image."""
ARCHIVING = (
    "archive_mode=on",
    f"archive_command=pgbackrest --stanza={STANZA} archive-push %p",
    "archive_timeout=30",
)
CONFIGURATION = REPOSITORY / "infrastructure/ansible/roles/nocodb/templates/pgbackrest.conf.j2"
SERVICE = "com.docker.swarm.service.name=nocodb_db"
"""The label by which the runbook finds the database's container."""
SEGMENT = re.compile(r".*/[0-9A-F]{24}-[0-9a-f]{40}\.zst")
RECOVERY = "arn:aws:iam::000000000000:role/quickdata-test-recovery"


@dataclass
class Archiving:
    """A server in a container, its volume and its configuration."""

    directory: Path
    storage: LocalStack
    bucket: str = ""
    name: str = field(default_factory=lambda: f"quickdata-archiving-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.volume, self.keys = self.directory / "postgresql", self.directory / "keys"
        self.pgbackrest, self.config = self.directory / "pgbackrest", self.directory / "pg-backup.conf"
        for folder in (self.volume, self.keys, self.pgbackrest, self.directory / "state"):
            folder.mkdir(parents=True)
        self.volume.chmod(0o1777)
        session = boto3.Session("test", "test", region_name=self.storage.region)
        self.s3 = session.client("s3", endpoint_url=self.storage.endpoint)
        if not self.bucket:
            self.bucket = self._new_bucket(self.name)
        self._configure()

    def _new_bucket(self, name: str) -> str:
        place = {"LocationConstraint": self.storage.region}
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        return name

    def copy_of_bucket(self) -> str:
        """Make a bucket with all that this one holds."""
        name = self._new_bucket(f"copy-{uuid.uuid4().hex[:8]}")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        for key in [each["Key"] for page in pages for each in page["Contents"]]:
            self.s3.copy_object(Bucket=name, Key=key, CopySource=f"{self.bucket}/{key}")
        return name

    def read(self, rest: str) -> bytes:
        """Return an object of the database's folder."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=f"postgres/{DATABASE}/{rest}")
        return bytes(answer["Body"].read())

    def segments(self) -> list[str]:
        """The keys of the WAL segments in the bucket, in the order of their names."""
        prefix = "postgres/pgbackrest/archive/"
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [each["Key"] for page in pages for each in page["Contents"]]
        return sorted(filter(SEGMENT.fullmatch, keys), key=lambda key: key.rpartition("/")[2])

    def labels(self) -> set[str]:
        """The names of the physical backups in the bucket."""
        prefix = f"postgres/pgbackrest/backup/{STANZA}/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        names = {each["Prefix"].removeprefix(prefix).rstrip("/") for each in listed["CommonPrefixes"]}
        return {name for name in names if name[0].isdecimal()}

    @contextmanager
    def replaced(self, key: str, change: Callable[[bytes], bytes] | None) -> Iterator[None]:
        """Change an object for a while, or remove it."""
        kept = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        if change:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=change(kept))
        else:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        try:
            yield
        finally:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=kept)

    def _configure(self) -> None:
        text = Template(CONFIGURATION.read_text()).render(
            backup_bucket=self.bucket,
            aws_region=self.storage.region,
            aws_endpoint_url=self.storage.endpoint,
            nocodb_pitr_keys=KEYS_DIRECTORY,
            nocodb_image_major="18",
            database_user=ROLE,
        )
        (self.pgbackrest / "pgbackrest.conf").write_text(text)
        mark = self.directory / "pitr"
        mark.touch()
        os.utime(mark, (0, 0))  # nothing is new here, so every problem is an alarm
        self.configure()

    def configure(self, **changes: str) -> None:
        values = {
            "DATABASE": DATABASE,
            "BACKUP_BUCKET": self.bucket,
            "STATE_DIR": str(self.directory / "state"),
            "LOCK_FILE": str(self.directory / "state" / "lock"),
            "KEEP_DAILY": "7",
            "KEEP_WEEKLY": "4",
            "PGUSER": ROLE,
            "MAX_AGE_HOURS": "26",
            "PITR_MARK": str(self.directory / "pitr"),
            "RECOVERY_ROLE": RECOVERY,
            "PG_CONTAINER": self.name,
            "KEYS_FILE": str(self.keys / KEYS),
            "PG_IMAGE": IMAGE,
            "PG_DATA": str(self.volume),
            "ARCHIVE_CONFIG": str(self.pgbackrest),
            **self.storage.environment,
            **changes,
        }
        self.config.touch(0o600)
        self.config.write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))

    # --- the server ---

    def start(self, archives: bool = True) -> None:
        mounts = (
            f"--volume={self.volume}:{DATA}",
            f"--volume={self.pgbackrest}:{CONFIG_DIRECTORY}:ro",
            f"--volume={self.keys}:{KEYS_DIRECTORY}:ro",
        )
        first = ("--env=POSTGRES_PASSWORD=x", f"--env=POSTGRES_USER={ROLE}", f"--env=POSTGRES_DB={DATABASE}")
        settings = [word for each in ARCHIVING[: 3 * archives] for word in ("-c", each)]
        named = (f"--name={self.name}", f"--label={SERVICE}")
        docker("run", "--detach", "--init", *named, *mounts, *first, IMAGE, "postgres", *settings)
        self.wait()

    def wait(self) -> None:
        ready = (
            "docker",
            "exec",
            self.name,
            "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            ROLE,
            "-d",
            DATABASE,
        )
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, 60)

    def stop(self) -> None:
        docker("stop", "--time", "60", self.name)
        docker("rm", "--volumes", self.name)

    def kill(self) -> None:
        docker("rm", "--force", "--volumes", self.name)

    def sql(self, text: str, database: str = DATABASE) -> str:
        psql = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", database, "-c", text)
        return docker("exec", self.name, *psql)

    def shell(self, command: str) -> str:
        return docker("exec", self.name, "bash", "-euo", "pipefail", "-c", command)

    @contextmanager
    def session(self) -> Iterator[Callable[[str], None]]:
        """Hold a session open. What it is told must end with a query of one row, for which it waits."""
        command = ["docker", "exec", "-i", self.name, "psql", "-XqAt", "-U", ROLE, "-d", DATABASE]
        with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin and child.stdout
            asks, answers = child.stdin, child.stdout

            def tell(text: str) -> None:
                asks.write(f"{text}\n")
                asks.flush()
                assert answers.readline()

            yield tell
            child.communicate("")

    def log(self) -> str:
        """What the server has written to its log."""
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def age_waiting_wal(self, when: str) -> None:
        """Let the WAL that waits for the archive look older."""
        folder = self.volume / "18/docker/pg_wal/archive_status"
        waiting = [str(file) for file in folder.glob("*.ready")]
        subprocess.run(["touch", "-d", when, *waiting], check=True)

    def now(self) -> datetime:
        """The server's time, in UTC."""
        return datetime.fromisoformat(self.sql("select clock_timestamp()")).astimezone(UTC)

    def switch(self) -> None:
        """Let the server archive the current WAL segment."""
        docker("exec", f"--user={USER}", self.name, "pgbackrest", f"--stanza={STANZA}", "check")

    # --- the node's commands ---

    def begin(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        program = str(SCRIPTS / "quickdata_node")
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", program, command, "--config", str(self.config), *arguments],
            env={"PATH": PATH},
            cwd="/",
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, command: str, *arguments: str) -> Finished:
        return finish(self.begin(command, *arguments), 180)

    def backup(self, kind: str = "full") -> dict[str, Any]:
        done = self.run("physical-backup.sh", "--type", kind)
        assert done.code == 0, done.log
        return done.json

    def recover(self, *arguments: str) -> Finished:
        return self.run("recover-pg.sh", *arguments)

    def go_live(self, number: str) -> Finished:
        """Stop the server, swap a recovery in, start the server, and remove older files, as the verb does."""
        self.stop()
        done = self.recover("--go-live", number)
        self.start()
        if done.code == 0:
            assert self.recover("--remove-older", number).code == 0
        return done

    def give_up(self, *numbers: str) -> None:
        """Remove recoveries that did not go live; those that are ready, if none is named."""
        for number in numbers or [each.name for each in self.recoveries() if stage(each) == "ready"]:
            done = self.recover("--give-up", number)
            assert done.code == 0, done.log

    def move_back(self, number: str) -> None:
        """Put the files that a recovery has kept in the live server's place again, as an operator would."""
        live, kept = self.volume / "18/docker", self.volume / "recovery" / number / "data"
        aside = self.volume / "aside"
        self.stop()
        live.rename(aside)
        kept.rename(live)
        aside.rename(kept)
        self.start()

    def recoveries(self) -> list[Path]:
        return sorted((self.volume / "recovery").glob("*"))

    def recoveries_in_work(self) -> list[Path]:
        return [each for each in self.recoveries() if stage(each) == "recovering"]

    def runs_in_recovery(self, program: str) -> bool:
        """Whether a program runs in the recovery's container."""
        return any(words[0] == program for words in processes(NAME))

    def backup_runs(self) -> bool:
        """Whether pgBackRest takes a backup in the server's container."""
        return any(words[0] == "pgbackrest" and "backup" in words for words in processes(self.name))

    def rows(self) -> int:
        return int(self.sql("select count(*) from customers"))

    def verified(self, point: str) -> dict[str, Any]:
        """The note that a drill has left beside a point."""
        key = f"postgres/{DATABASE}/points/{point}.verified.json"
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def forget_point(self, point: str) -> None:
        """Remove a point's file."""
        self.s3.delete_object(Bucket=self.bucket, Key=f"postgres/{DATABASE}/points/{point}.json")

    def forge(self, point: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
        """Change the tables in a point's file."""
        key = f"postgres/{DATABASE}/points/{point}.json"
        document = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        change(document["tables"])
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document).encode())


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def processes(container: str) -> list[list[str]]:
    """The words of each process in a container; no process if it does not run."""
    command = ["docker", "top", container, "-eo", "pid,args"]
    seen = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [line.split()[1:] for line in seen.splitlines()[1:]]


def stage(recovery: Path) -> str:
    """What a recovery's folder says about it."""
    return (recovery / "stage").read_text().strip()


def gateway() -> str:
    """The address at which a container reaches this machine."""
    return docker("network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}}{{end}}")


@contextmanager
def storage_for_containers(directory: Path) -> Iterator[LocalStack]:
    """An emulator that containers reach."""
    opened = localstack(directory / "localstack", listen=gateway())
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened) as storage:
        yield storage


@contextmanager
def archiving(directory: Path, storage: LocalStack, bucket: str = "") -> Iterator[Archiving]:
    server = Archiving(directory, storage, bucket)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        words = ["docker", "rm", "--force", "--volumes", NAME]
        subprocess.run(words, check=False, capture_output=True)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a run with all that it has started on this machine."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
