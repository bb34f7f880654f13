"""Each guard of the program, taken out of a copy: a named test must go red, so no guard is there in vain."""

import pytest

from tests.support.mutation import Mutation, goes_red
from tests.support.program_mutations import PROGRAM_MUTATIONS


@pytest.mark.parametrize("mutation", PROGRAM_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)
