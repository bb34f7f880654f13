"""The rules for a suffix, in Python; tests/infrastructure holds both stacks to the same table."""

import re

import pytest

from pipeline.settings.invisible import unseen
from pipeline.settings.suffix import BASE_NAME, longest_suffix, valid_base_name, valid_suffix
from tests.support.suffixes import BASE_NAMES, TABLE


@pytest.mark.parametrize(("base", "rule"), BASE_NAMES.items())
def test_the_pipeline_allows_a_base_name_or_names_the_rule(base: str, rule: str) -> None:
    if not rule:
        assert valid_base_name(base) == base
        return
    with pytest.raises(ValueError, match=rf"^{rule}.*; export .*team-backups$"):
        valid_base_name(base)


@pytest.mark.parametrize("base", ["a", BASE_NAME, "x" * 61])
def test_a_base_name_and_a_suffix_have_63_characters_together(base: str) -> None:
    most = longest_suffix(base)
    assert len(f"{base}-{'7' * most}") == 63
    assert valid_suffix("7" * most, base)
    with pytest.raises(ValueError, match=f"more than {most} characters"):
        valid_suffix("7" * (most + 1), base)


@pytest.mark.parametrize(("suffix", "rule"), TABLE.items())
def test_the_pipeline_allows_a_suffix_or_names_the_rule(suffix: str, rule: str) -> None:
    if not rule:
        assert valid_suffix(suffix) == suffix.lower()
        return
    first = re.escape(unseen(suffix))  # named before any rule
    with pytest.raises(ValueError, match=first or rf"^(is )?{rule}.*; (use|export) .*(ppr|team-7)$"):
        valid_suffix(suffix)
