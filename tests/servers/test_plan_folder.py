"""The folder of saved plans on a real machine: private, and gone again when no plan is kept in it."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.deploy.saved_plans import SavedPlans
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from tests.support.recording import RecordingRunner, deployment


async def test_only_a_folder_that_was_made_for_a_plan_goes_with_it(tmp_path: Path) -> None:
    d = replace(deployment(RecordingRunner()), runner=HostRunner(tmp_path, {}, Progress()))
    plans, folder = SavedPlans(PurePosixPath("deep/plan")), tmp_path / "deep/plan"
    assert await plans.begin(d)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "app.tfplan").touch()
    assert not await plans.begin(d)
    await plans.forget(d, made=False)
    assert list(folder.iterdir()) == []
    (folder / "of-somebody").touch()
    await plans.forget(d, made=True)
    assert [path.name for path in folder.iterdir()] == ["of-somebody"]
    (folder / "of-somebody").unlink()
    await plans.forget(d, made=True)
    assert not folder.exists()
