"""What pgBackRest's repository holds: backups, and the WAL between them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quickdata_node.run import Failed

READY = 0
NO_STANZA = (1, 3)
"""Codes of a stanza that is missing, or that has no data. Source: pgBackRest's command/info/info.c."""
NO_BACKUP = 2


@dataclass(frozen=True)
class PhysicalBackup:
    """One backup of the server's files.

    Args:
        label: its name, such as 20261130-011700F; an incremental one has the full one's name before its own.
        kind: full, diff or incr.
        started_at: when it began, in UTC.
        finished_at: when it ended, in UTC. Earlier moments need an earlier backup.
        first_lsn: where its WAL begins.
        last_lsn: where its WAL ends. A recovery can stop there, and not before.
        first_wal: the first WAL segment that it needs; its first 8 digits are the timeline.
        last_wal: the last WAL segment that it needs.
        database_bytes: bytes of the server's files.
        stored_bytes: bytes that this backup added to the bucket.
        cluster: pgBackRest's number of the cluster; `Info.archives` has it too.
        damaged: whether pgBackRest found pages with a wrong checksum.
    """

    label: str
    kind: str
    started_at: datetime
    finished_at: datetime
    first_lsn: str
    last_lsn: str
    first_wal: str
    last_wal: str
    database_bytes: int
    stored_bytes: int
    cluster: int
    damaged: bool


@dataclass(frozen=True)
class Archive:
    """The WAL in the repository.

    Args:
        cluster: pgBackRest's number of the cluster.
        folder: its folder in the repository, such as 18-1.
        first_wal: the oldest segment; empty when there is none.
        last_wal: the newest segment; empty when there is none.
    """

    cluster: int
    folder: str
    first_wal: str
    last_wal: str


@dataclass(frozen=True)
class Info:
    """What the repository holds of the cluster whose WAL it takes.

    Args:
        status: pgBackRest's code: 0 is good, 1 and 3 mean no stanza, 2 no backup.
        message: the repository's state in words.
        backups: the cluster's backups, oldest first.
        archives: the cluster's WAL, oldest first.
        system_id: the cluster's system identifier; 0 without a stanza.
        others: the backups of the clusters that the repository belonged to before, oldest first.
    """

    status: int
    message: str
    backups: tuple[PhysicalBackup, ...] = ()
    archives: tuple[Archive, ...] = ()
    system_id: int = 0
    others: tuple[PhysicalBackup, ...] = ()

    @property
    def newest_full(self) -> PhysicalBackup | None:
        """The newest full backup."""
        return next((each for each in reversed(self.backups) if each.kind == "full"), None)

    @property
    def good(self) -> tuple[PhysicalBackup, ...]:
        """The backups without a damaged page, oldest first."""
        return tuple(each for each in self.backups if not each.damaged)


def read_info(text: str) -> Info:
    """Return what `pgbackrest info --output=json` says.

    Raises:
        Failed: the text is not that command's, or pgBackRest could not read the repository.
    """
    try:
        stanzas = json.loads(text)
        info = Info(NO_STANZA[0], "no stanza") if stanzas == [] else _info(stanzas[0])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        fix = "look at the version of pgBackRest in the database's container"
        raise Failed("the answer of pgBackRest's info cannot be understood", fix) from error
    if info.status not in (READY, NO_BACKUP, *NO_STANZA):
        fix = "check the network, and the keys of the database's container"
        raise Failed(f"pgBackRest cannot read the repository: {info.message}", fix)
    return info


def _info(stanza: dict[str, Any]) -> Info:
    databases = stanza.get("db", [])
    system_id = databases[-1]["system-id"] if databases else 0
    ours = {each["id"] for each in databases if each["system-id"] == system_id}
    archives = [
        Archive(each["database"]["id"], each["id"], each.get("min") or "", each.get("max") or "")
        for each in stanza.get("archive", [])
    ]
    backups = [_backup(each) for each in stanza.get("backup", [])]
    return Info(
        status=stanza["status"]["code"],
        message=" ".join(stanza["repo"][0]["status"]["message"].split()),
        backups=tuple(each for each in backups if each.cluster in ours),
        archives=tuple(each for each in archives if each.cluster in ours),
        system_id=system_id,
        others=tuple(each for each in backups if each.cluster not in ours),
    )


def _backup(each: dict[str, Any]) -> PhysicalBackup:
    return PhysicalBackup(
        label=each["label"],
        kind=each["type"],
        started_at=datetime.fromtimestamp(each["timestamp"]["start"], UTC),
        finished_at=datetime.fromtimestamp(each["timestamp"]["stop"], UTC),
        first_lsn=each["lsn"]["start"],
        last_lsn=each["lsn"]["stop"],
        first_wal=each["archive"]["start"],
        last_wal=each["archive"]["stop"],
        database_bytes=each["info"]["size"],
        stored_bytes=each["info"]["repository"]["delta"],
        cluster=each["database"]["id"],
        damaged=bool(each.get("error")),
    )
