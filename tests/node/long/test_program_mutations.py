"""Each guard of the program, taken out of a copy: a named test must go red, so no guard is there in vain."""

import pytest

from tests.support.mutation import Mutation, goes_red, stays_green
from tests.support.program_mutations import PROGRAM_MUTATIONS


@pytest.mark.parametrize("mutation", PROGRAM_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)


@pytest.mark.parametrize("mutation", PROGRAM_MUTATIONS, ids=lambda each: each.guard)
def test_with_every_guard_that_test_is_green(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    stays_green(mutation, request)
