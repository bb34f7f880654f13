"""pgBackRest's full backup of the same cluster, into the same S3."""

import os
import shutil
import subprocess
from urllib.parse import urlsplit

from pipeline.rehearsal.surroundings import Surroundings

PROCESSES = os.cpu_count() or 1
PGBACKREST = f"pgbackrest --type=full, zst -1, {PROCESSES} processes, the same S3 through TLS"
PREFIX = "pgbackrest/"
ABSENT = "not measured: pgbackrest is not installed"
CREATE = ("pgbackrest", "--no-config", "stanza-create")
FULL = ("pgbackrest", "--no-config", "--type=full", "--force", "backup")


def installed() -> bool:
    """Tell whether there is a pgBackRest to measure."""
    return shutil.which("pgbackrest") is not None


def version() -> str:
    """Return which one is measured, or that none is."""
    if not installed():
        return ABSENT
    asked = subprocess.run((FULL[0], "version"), capture_output=True, text=True, check=True)
    return asked.stdout.split()[-1]


def environment(around: Surroundings, bucket: str) -> dict[str, str]:
    """Return its settings: what makes it fast, and the codec and level of backup-pg.sh.

    2.45 does not know PostgreSQL 18. Online it compares the server's version with the forced one and gives
    up, so it is told that the server is stopped: it copies the same files while nobody writes, without the
    start and the stop of a backup, and without WAL, which it leaves out online too.

    Args:
        around: the server; and the emulator, which answers TLS on its port with a certificate of its own.
        bucket: where its repository goes, below PREFIX.
    """
    address = urlsplit(around.aws.endpoint)
    settings = {
        "stanza": "bench",
        "pg1-path": around.database.psql("SHOW data_directory"),
        "pg-version-force": "15",
        "online": "n",
        "exclude": "pg_wal/",
        "compress-type": "zst",
        "compress-level": "1",
        "process-max": str(PROCESSES),
        "repo1-type": "s3",
        "repo1-path": f"/{PREFIX.rstrip('/')}",
        "repo1-bundle": "y",
        "repo1-retention-full": "1",
        "repo1-s3-bucket": bucket,
        "repo1-s3-region": around.aws.region,
        "repo1-s3-endpoint": str(address.hostname),
        "repo1-s3-uri-style": "path",
        "repo1-s3-key": around.aws.environment["AWS_ACCESS_KEY_ID"],
        "repo1-s3-key-secret": around.aws.environment["AWS_SECRET_ACCESS_KEY"],
        "repo1-storage-port": str(address.port),
        "repo1-storage-verify-tls": "n",
        "lock-path": str(around.workspace / "pgbackrest"),
        "log-level-file": "off",
    }
    named = {f"PGBACKREST_{key.upper().replace('-', '_')}": value for key, value in settings.items()}
    return {"PATH": os.defpath, **named}
