"""Both OpenTofu roots, as the tool on this machine judges them; the other tool's judgement is in long/."""

from pathlib import Path

import pytest

from tests.support.by_hand import terminal
from tests.support.hcl import ROOTS, require_valid_and_every_claim


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_valid_and_every_claim_about_it_holds(tmp_path: Path, root: str) -> None:
    require_valid_and_every_claim(tmp_path, root)


def test_the_configuration_is_formatted(tmp_path: Path) -> None:
    person = terminal(tmp_path)
    checked = person.type(".", person.tofu, "fmt", "-check", "-diff", "-recursive")
    assert (checked.exit_code, checked.said) == (0, "")
