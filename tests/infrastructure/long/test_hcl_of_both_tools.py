"""Both roots hold for OpenTofu and for Terraform: `make test` asks only the one that steps call."""

import shutil
from pathlib import Path

import pytest

from pipeline.tofu.download import find_or_download_tofu
from tests.support.hcl import ROOTS, require_valid_and_every_claim


@pytest.fixture
def other() -> str:
    """The path of the tool that steps do not call here."""
    name = "terraform" if find_or_download_tofu().name == "tofu" else "tofu"
    if found := shutil.which(name):
        return found
    pytest.skip(f"{name} is not on PATH: both stacks are tested with one tool alone")


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_valid_and_every_claim_about_it_holds_for_the_other_tool_too(
    tmp_path: Path, other: str, root: str
) -> None:
    require_valid_and_every_claim(tmp_path, root, other)
