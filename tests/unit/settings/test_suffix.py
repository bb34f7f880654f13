"""The rules for a suffix, in Python; tests/infrastructure holds both stacks to the same table."""

import re

import pytest

from pipeline.settings.invisible import unseen
from pipeline.settings.suffix import valid_suffix
from tests.support.suffixes import TABLE


@pytest.mark.parametrize(("suffix", "rule"), TABLE.items())
def test_the_pipeline_allows_a_suffix_or_names_the_rule(suffix: str, rule: str) -> None:
    if not rule:
        assert valid_suffix(suffix) == suffix.lower()
        return
    first = re.escape(unseen(suffix))  # named before any rule
    with pytest.raises(ValueError, match=first or rf"^{rule}.*; export .*(ppr|team-7)$"):
        valid_suffix(suffix)
