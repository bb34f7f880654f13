"""Each guard against what a fault can do, taken out of a copy of the program: a test must go red."""

import pytest

from tests.support.backup_node import Node
from tests.support.fault_mutations import FAULT_MUTATIONS
from tests.support.fault_proxy import FaultProxy
from tests.support.mutation import Mutation, goes_red, stays_green
from tests.support.s3_faults import IN_PARTS, configure


@pytest.fixture
def beyond(node: Node, proxy: FaultProxy) -> Node:
    """The node, which reaches S3 through the proxy, with uploads and a backup that was uploaded in parts."""
    node.create(IN_PARTS)
    (node.directory / "uploads").mkdir()
    (node.directory / "uploads" / "photo").write_bytes(b"photo")
    configure(node, proxy)
    assert node.backup().code == 0
    return node


@pytest.mark.parametrize("mutation", FAULT_MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    goes_red(mutation, request)


@pytest.mark.parametrize("mutation", FAULT_MUTATIONS, ids=lambda each: each.guard)
def test_with_every_guard_that_test_is_green(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    stays_green(mutation, request)
