"""Each guard against what may lie in a database or the bucket, taken out of a copy: a test must go red."""

import pytest

from tests.support.data_mutations import DATA_MUTATIONS
from tests.support.mutation import Mutation, goes_red, stays_green


@pytest.mark.parametrize("mutation", DATA_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)


@pytest.mark.parametrize("mutation", DATA_MUTATIONS, ids=lambda each: each.guard)
def test_with_every_guard_that_test_is_green(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    stays_green(mutation, request)
