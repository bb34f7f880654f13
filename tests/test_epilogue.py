"""What a rehearsal calls proven: not a damage that damaged nothing, not a restore of other data."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from recording import RecordingRunner, deployment, said_by_ansible

from pipeline.errors import VerifyFailed
from pipeline.postgres import Postgres
from pipeline.rehearsal import epilogue
from pipeline.rehearsal.database import Database

SERVER = Postgres("127.0.0.1", 1, "nobody", "no-password", Path("/nowhere"))
RESTORED = '{"id": "b1", "action": "restored", "tables": 1, "rows": 2, "mismatches": 0, "kept": "before"}'


async def nothing(*_: object) -> None:
    return


@pytest.mark.parametrize(
    ("damaged", "restored", "said"),
    [("good", "good", "the damage damaged nothing"), ("bad", "bad", "is not the data that was backed up")],
)
async def test_what_is_not_proven_ends_with_exit_code_4(
    monkeypatch: pytest.MonkeyPatch, damaged: str, restored: str, said: str
) -> None:
    prints: Iterator[str] = iter(["good", damaged, restored])
    moments = ("before the backup", "after the damage", "after the restore")
    answers = {f"fingerprint: {moment}": lambda _: (0, next(prints)) for moment in moments}
    d = deployment(RecordingRunner({**answers, "restore": (0, said_by_ansible(RESTORED))}))
    monkeypatch.setattr(epilogue, "_backup_by_cron", nothing)
    with pytest.raises(VerifyFailed, match=said) as caught:
        await epilogue.damage_and_restore(d, Database(d, SERVER))
    assert caught.value.exit_code == 4
