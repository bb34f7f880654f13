"""A proof without tables proves nothing, and damage is told from a check that could not be made."""

from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node.physical.proof import check_pages, compare
from quickdata_node.run import Failed


def test_a_point_without_tables_proves_nothing() -> None:
    server: Any = SimpleNamespace()
    point: Any = SimpleNamespace(tables=[], name="quickdata_1f")
    with pytest.raises(Failed, match="0 tables differ from the point quickdata_1f") as caught:
        compare(server, point, [])
    assert caught.value.code == 4


@pytest.mark.parametrize(
    ("code", "said", "ours"), [(2, "finds damage", 4), (1, "ended with exit code 1, so .* not checked", 1)]
)
def test_damage_is_told_from_a_check_that_could_not_be_made(code: int, said: str, ours: int) -> None:
    ended = SimpleNamespace(wait=lambda: code)
    server: Any = SimpleNamespace(start=lambda *_, **__: ended)
    with pytest.raises(Failed, match=f"pg_amcheck {said}") as caught:
        check_pages(server)
    assert caught.value.code == ours
