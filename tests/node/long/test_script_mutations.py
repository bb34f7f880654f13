"""Each guard of the scripts, taken out of a copy: a named test must go red, so no guard is there in vain."""

import pytest

from tests.support.mutation import Mutation, goes_red
from tests.support.script_mutations import SCRIPT_MUTATIONS


@pytest.mark.parametrize("mutation", SCRIPT_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)
