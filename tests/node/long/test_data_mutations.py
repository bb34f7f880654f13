"""Each guard against what may lie in a database or the bucket, taken out of a copy: a test must go red."""

import pytest

from tests.support.data_mutations import DATA_MUTATIONS
from tests.support.mutation import Mutation, goes_red


@pytest.mark.parametrize("mutation", DATA_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)
