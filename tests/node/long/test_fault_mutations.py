"""Each guard against what a fault can do, taken out of a copy of the program: a test must go red."""

import pytest

from tests.support.fault_mutations import FAULT_MUTATIONS
from tests.support.mutation import Mutation, goes_red


@pytest.mark.parametrize("mutation", FAULT_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)
