"""What a rehearsal calls proven: not a damage that changed nothing, not a restore of other data."""

from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from pipeline.backups.places import on_this_machine
from pipeline.errors import VerifyFailed
from pipeline.rehearsal import proofs as epilogue
from pipeline.rehearsal.database import Database
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.steps.step import Step
from tests.support.recording import Answer, RecordingRunner, deployment, plan_json, said_by_ansible

SERVER = Postgres("127.0.0.1", 1, "nobody", "no-password", Path("/nowhere"))
RESTORED = '{"id": "b1", "action": "restored", "tables": 1, "rows": 2, "mismatches": 0, "kept": "before"}'


async def nothing(*_: object) -> None:
    return


@pytest.mark.parametrize(
    ("damaged", "restored", "said"),
    [
        ("good", "good", "the damage changed nothing"),
        ("bad", "bad", "differs from the data that was backed up"),
    ],
)
async def test_what_is_not_proven_ends_with_exit_code_4(
    monkeypatch: pytest.MonkeyPatch, damaged: str, restored: str, said: str
) -> None:
    prints: Iterator[str] = iter(["good", damaged, restored])
    moments = ("before the backup", "after the damage", "after the restore")
    answers = {f"fingerprint: {moment}": lambda _: (0, next(prints)) for moment in moments}
    d = deployment(RecordingRunner({**answers, "restore": (0, said_by_ansible(RESTORED))}))
    monkeypatch.setattr(epilogue, "_back_up_by_cron", nothing)
    with pytest.raises(VerifyFailed, match=said) as caught:
        await epilogue.damage_and_restore(d, Database(d, SERVER))
    assert caught.value.exit_code == 4


async def test_the_drill_happens_where_the_rehearsal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[object] = []

    async def drill(*arguments: object) -> None:
        places.append(arguments[-1])

    for proof in ("damage_and_restore", "validate_stack_file", "deploy_again", "destroy_app_and_count"):
        monkeypatch.setattr(epilogue, proof, nothing)
    monkeypatch.setattr(epilogue, "try_to_destroy_storage", nothing)
    monkeypatch.setattr(epilogue, "drill", drill)
    place = on_this_machine()
    around = Surroundings(LocalStack("http://127.0.0.1:1", "eu-west-3"), SERVER, PurePath("/nowhere"), place)
    await epilogue.run_epilogue(deployment(RecordingRunner()), around)
    assert places == [place]


class Storage(RecordingRunner):
    """A storage that lets itself be destroyed only where an override file takes its protection away."""

    def __init__(self, *doomed: str, protected: bool = True) -> None:
        planned = plan_json(*((address, "delete") for address in doomed))
        super().__init__({"storage: plan -destroy": self._plan, "storage: read plan": (0, planned)})
        self.protected = protected

    def _plan(self, _: Step) -> Answer:
        lifted = any(path.endswith("override.tf") for path in self.files)
        return (2, "") if lifted or not self.protected else (1, "Instance cannot be destroyed")


async def test_storage_is_refused_by_its_configuration_and_then_without_it_by_the_gate() -> None:
    runner = Storage(*epilogue.PROTECTED)
    d = deployment(runner)
    await epilogue.try_to_destroy_storage(d)
    assert runner.names == ["storage: plan -destroy", "storage: plan -destroy"]
    assert [step.must_fail for step in runner.steps] == [True, False]
    assert all(
        f"delete {address}" in d.report.proofs["storage destroy"]["gate"] for address in epilogue.PROTECTED
    )
    assert not [path for path in runner.files if path.endswith("override.tf")]


@pytest.mark.parametrize(
    ("runner", "said"),
    [
        (Storage(*epilogue.PROTECTED, protected=False), "allowed a plan that destroys it"),
        (Storage(*epilogue.PROTECTED[1:]), r"does not destroy aws_s3_bucket\.backups"),
        (Storage(), "does not destroy"),
    ],
)
async def test_a_storage_that_was_not_really_refused_proves_nothing(runner: Storage, said: str) -> None:
    with pytest.raises(VerifyFailed, match=said):
        await epilogue.try_to_destroy_storage(deployment(runner))
    assert not [path for path in runner.files if path.endswith("override.tf")]
