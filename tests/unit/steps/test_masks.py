"""What is covered in the tools' output: secrets, and no word that everybody knows."""

import pytest

from pipeline.steps.masks import MASK, Masks

SCRIPT = "restore-pg-latest.sh: the test took 2 s"


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HELD_AWS_SECRET_ACCESS_KEY"])
def test_an_emulators_well_known_key_is_not_masked_inside_words(name: str) -> None:
    assert Masks({name: "test"}).cover(SCRIPT) == SCRIPT


def test_a_password_is_masked_even_when_it_is_the_same_word() -> None:
    assert Masks({"VAULT_PASSWORD": "test"}).cover("it is test") == f"it is {MASK}"


def test_a_real_key_of_aws_is_masked_beside_an_emulators() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "test"}
    assert Masks(keys).cover("by AKIAIOSFODNN7EXAMPLE") == f"by {MASK}"
