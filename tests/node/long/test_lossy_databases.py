"""What `pg_dump` leaves out, and what it writes that PostgreSQL cannot load again."""

import pytest

from tests.support.backup_node import Node

LOOK = (
    "create table look (v int); insert into look values (1);"
    "create function looked(int) returns int immutable language plpgsql as "
    "'begin return (select v from look where v = $1); end';"
)


@pytest.mark.parametrize(
    "schema",
    [
        f"{LOOK} create table kept (a int check (looked(a) = 1)); insert into kept values (1)",
        "create table kept (a int primary key, b regclass); insert into kept values (1, 'kept_pkey')",
    ],
    ids=["constraint", "regclass"],
)
def test_what_no_restore_can_bring_back_fails_the_verification(node: Node, schema: str) -> None:
    node.create(schema)
    assert node.backup().code == 0
    assert node.restore("--verify").code == 1
    assert node.leaves_nothing()


def test_what_pg_dump_leaves_out_is_not_counted_either(node: Node) -> None:
    node.create()
    node.sql(
        "alter extension plpgsql add table notes;"
        "create table elsewhere as select 1 as a; alter table elsewhere set schema information_schema"
    )
    assert node.backup().code == 0
    tables = [table["name"] for table in node.manifest()["tables"] if table["kind"] == "table"]
    assert tables == ["customers"]
    assert node.restore("--verify").code == 0
