"""What a rehearsal calls proven: not a damage that changed nothing, not a restore of other data."""

import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path, PurePath
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import pytest

from pipeline.backups.places import on_this_machine
from pipeline.errors import ToolError, VerifyFailed
from pipeline.rehearsal import on_local_nodes, proofs_on_swarm, which_nodes
from pipeline.rehearsal import proofs as epilogue
from pipeline.rehearsal.database import Database
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.report import Report
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.steps.step import Result, Step
from tests.support.recording import Answer, RecordingRunner, deployment, plan_json, said_by_ansible

SERVER = Postgres("127.0.0.1", 1, "nobody", "no-password", Path("/nowhere"))
RESTORED = '{"id": "b1", "action": "restored", "tables": 1, "rows": 2, "mismatches": 0, "kept": "before"}'


PROVES = re.compile(r'report\.prove\(\s*"([^"]+)"')


def proven_by(*modules: ModuleType) -> set[str]:
    """Return the names of the proofs in the code of some modules."""
    return {name for each in modules for name in PROVES.findall(Path(str(each.__file__)).read_text())}


def test_a_rehearsal_promises_what_its_code_proves() -> None:
    elsewhere, local_only = {"drill"}, {"stack file"}  # drill is a verb too
    assert set(epilogue.PROOFS) == proven_by(on_local_nodes, epilogue) | elsewhere
    shared = set(proven_by(epilogue)) - local_only
    assert set(proofs_on_swarm.PROOFS) == proven_by(which_nodes, proofs_on_swarm) | shared | elsewhere


def test_after_a_failed_step_each_proof_that_was_not_reached_is_listed_with_that_step() -> None:
    report = Report("rehearse", "localstack")
    with (
        pytest.raises(ToolError),
        epilogue.expecting(report, ("deploy and verify", "drill", "app destroyed")),
    ):
        report.prove("deploy and verify", "2 rows")
        result = Result(Step("restore", ("tool",)), 1, "", "no space", 1.0)
        report.record_result(result, "2026-03-02T14:05:00+00:00")
        result.check()
    failed = "(the step “restore” failed)"
    assert report.not_proven == [f"not reached: drill {failed}", f"not reached: app destroyed {failed}"]


async def test_a_proof_that_fails_is_the_reason_itself_and_so_is_an_interrupt() -> None:
    report = Report("rehearse", "localstack")
    with pytest.raises(VerifyFailed), epilogue.expecting(report, ("drill",)):
        epilogue.prove(False, "the damage changed nothing")
    with anyio.CancelScope() as scope, epilogue.expecting(report, ("drill",)):
        scope.cancel()
        await anyio.sleep_forever()
    reasons = ("rehearsal: the damage changed nothing", "the run was interrupted")
    assert report.not_proven == [f"not reached: drill ({reason})" for reason in reasons]


def test_a_rehearsal_that_ends_well_without_a_proof_has_failed() -> None:
    report = Report("rehearse", "localstack")
    with (
        pytest.raises(VerifyFailed, match="without its proofs: drill"),
        epilogue.expecting(report, ("drill",)),
    ):
        pass
    assert report.not_proven == ["not reached: drill (rehearsal: it ended well without its proofs: drill)"]


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


@pytest.mark.parametrize("physical", [True, False])
async def test_without_physical_backups_a_rehearsal_recovers_to_no_moment_and_proves_the_rest(
    monkeypatch: pytest.MonkeyPatch, physical: bool
) -> None:
    ran: list[str] = []

    def noting(name: str, answer: object = None) -> Callable[..., Awaitable[object]]:
        async def note(*_: object) -> object:
            ran.append(name)
            return answer

        return note

    parts = ("damage_and_restore_bases", "drop_a_table_and_recover", "look_into_adminer", "deploy_again")
    for name in (*parts, "drill", "destroy_app_and_count", "try_to_destroy_storage"):
        monkeypatch.setattr(proofs_on_swarm, name, noting(name))
    monkeypatch.setattr(proofs_on_swarm.recovery, "drill", noting("physical drill", {}))
    monkeypatch.setattr(proofs_on_swarm.recovery, "drill_in_words", lambda _: "good")
    s: Any = SimpleNamespace(d=deployment(RecordingRunner()))
    await proofs_on_swarm.run_swarm_epilogue(s, physical=physical)
    assert {"drop_a_table_and_recover", "physical drill"} & set(ran) == (
        {"drop_a_table_and_recover", "physical drill"} if physical else set()
    )
    assert {"damage_and_restore_bases", "deploy_again", "drill", "try_to_destroy_storage"} < set(ran)
    assert set(proofs_on_swarm.PHYSICAL) < set(proofs_on_swarm.PROOFS)


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
