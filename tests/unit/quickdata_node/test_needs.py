"""What a database needs of a server, as a manifest says it: anybody may have written that."""

from typing import Any

import pytest

from quickdata_node.needs import Needs, read_needs

NEEDS = Needs(("pg_trgm",), ("icu de-DE", "libc en_US.utf8"), ("de-x-icu",), ("lz4",))


def test_backups_that_noted_nothing_need_nothing() -> None:
    assert read_needs(None) == read_needs({}) == Needs()


def test_what_is_not_known_is_left_alone() -> None:
    assert read_needs({"extensions": ["pg_trgm"], "moons": ["full"]}) == Needs(("pg_trgm",))


@pytest.mark.parametrize(
    "found",
    [
        [],
        "lz4",
        {"extensions": "pg_trgm"},
        {"extensions": None},
        {"extensions": [1]},
        {"extensions": ["a\x1b[2J"]},
        {"compression": [["lz4"]]},
        {"locales": ["en_US.utf8"]},
        {"locales": ["libc,x en_US.utf8"]},
        {"extensions": ["x" * 100] * 1000},
    ],
    ids=lambda found: str(found)[:40],
)
def test_what_is_no_list_of_names_is_refused(found: Any) -> None:
    with pytest.raises(ValueError, match="needs are"):
        read_needs(found)
