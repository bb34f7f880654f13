"""What a call sends to the engine: the sources, and nothing of what installs and runs leave in a checkout."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest
from dagger import DefaultPath, Ignore
from pathspec import GitIgnoreSpec

from pipeline.backups.site import PROGRAM
from pipeline.containers.options import Options
from pipeline.machine.repository import REPOSITORY

MODULE = "the module itself"
LEFT = (
    *(".git/objects/aa/bb", ".venv/lib/site-packages/boto3/x.py", ".tools/bin/uv", ".cache/uv/x", ".env"),
    *("infrastructure/terraform/.terraform/providers/aws", "infrastructure/terraform/.terraform.lock.hcl"),
    *("infrastructure/terraform/terraform.tfstate", "infrastructure/terraS3/terraform.tfstate.backup"),
    *("infrastructure/terraS3/backend_override.tf", "infrastructure/terraform/app.tfplan"),
    *("infrastructure/ansible/inventory.yml", "infrastructure/.secrets/key", "plan/storage.tfplan"),
    *("plan/run.json", "plan-of-today/page.md", ".ansible/tmp/x", "infrastructure/ansible/.ansible/x"),
    *("reports/run.json", "pipeline/__pycache__/module.pyc", "pipeline/verbs/__pycache__/plan.pyc"),
    "infrastructure/ansible/roles/pg_backup/files/quickdata_node/__pycache__/run.pyc",
    *("id_ed25519", "infrastructure/keys/id_rsa", "server.pem", "server.key", ".env.local", ".envrc"),
    *(".mypy_cache/3.11/x", ".ruff_cache/x", ".pytest_cache/x", ".gitlab-ci-local/artifacts/x"),
)
"""What installs, tools, deployments and CI leave behind; each a megabyte here."""
LARGEST = {
    MODULE: (2_000_000, 290),
    "infrastructure": (600_000, 230),
    "locked": (900_000, 2),
    "package": (800_000, 240),
    "source": (5_000_000, 950),
}
"""Bytes and files at most: 1.8, 0.5, 0.8, 0.7 and 4.5 million bytes were counted.

A changed module loads in 14 s, not 3.
"""


def folders() -> dict[str, tuple[str, Callable[[str], bool]]]:
    """Return each folder that goes to the engine: where it is in the checkout, and what is let through."""
    included = GitIgnoreSpec.from_lines(json.loads((REPOSITORY / "dagger.json").read_text())["include"])
    found = {MODULE: ("", included.match_file)}
    for name, hint in get_type_hints(Options, include_extras=True).items():
        notes = {type(each): each for each in getattr(hint, "__metadata__", ())}
        if DefaultPath in notes:
            ignored = GitIgnoreSpec.from_lines(notes[Ignore].patterns)
            place = notes[DefaultPath].from_context.strip("/")
            found[name] = (place, lambda path, ignored=ignored: not ignored.match_file(path))  # type: ignore[misc]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy as it is after a day's work."""
    root = tmp_path_factory.mktemp("checkout")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (REPOSITORY / name).is_file(), files.splitlines()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, root / name)
    for name in LEFT:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes(1_000_000))
    return root


def sent(checkout: Path, place: str, passes: Callable[[str], bool]) -> dict[str, int]:
    """Return the files that pass, and their sizes."""
    root = checkout / place
    names = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(Path(place) / name): (root / name).stat().st_size for name in names if passes(str(name))}


@pytest.mark.parametrize("name", LARGEST)
def test_only_sources_go_to_the_engine(checkout: Path, name: str) -> None:
    files = sent(checkout, *folders()[name])
    assert files
    assert not files.keys() & set(LEFT)
    most_bytes, most_files = LARGEST[name]
    assert (sum(files.values()) < most_bytes, len(files) <= most_files) == (True, True), len(files)


def test_every_folder_that_goes_to_the_engine_is_measured() -> None:
    assert folders().keys() == LARGEST.keys()


def test_a_change_in_the_tests_or_the_documents_does_not_load_the_module_again(checkout: Path) -> None:
    files = sent(checkout, *folders()[MODULE])
    program = f"infrastructure/{PROGRAM.relative_to(REPOSITORY / 'infrastructure')}/"
    assert f"{program}manifest.py" in files, "the pipeline reads manifests by it"
    files = {name for name in files if not name.startswith(program)}
    assert {Path(name).parts[0] for name in files} == {"pipeline", "pyproject.toml", "uv.lock"}
