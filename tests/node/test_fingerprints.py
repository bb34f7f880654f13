"""What a table's checksum tells apart: all that a restore could bring back otherwise, and nothing else."""

import pytest

from quickdata_node.fingerprints import BEGIN, END, LOCKED, read_tables
from tests.node.test_restore import EVERYTHING
from tests.support.backup_node import Node

EQUAL_TO_THEIR_TYPE = {
    "the scale of a numeric": ("numeric", "1.0", "1.00"),
    "the scale in an array": ("numeric[]", "{1.0}", "{1.00}"),
    "the scale in a range": ("numrange", "[1.0,2)", "[1.00,2)"),
    "the scale in a JSON value": ("jsonb", '{"a": 1.0}', '{"a": 1.00}'),
    "a negative zero": ("float8", "0", "-0"),
    "a negative zero of four bytes": ("float4", "0", "-0"),
    "a negative zero of a point": ("point", "(0,0)", "(-0,0)"),
    "a month and its days": ("interval", "1 mon", "30 days"),
    "blanks at the end": ("bpchar", "a", "a  "),
    "where an array begins": ("int[]", "{1}", "[2:2]={1}"),
}
OF_ONE_HASH = {
    "numbers with their halves exchanged": ("int8", "1", "4294967296"),
    "a text and nothing": ("text", "", None),
    "bytes and nothing": ("bytea", "", None),
    "a row of nothing and nothing": ("pair", "(,)", None),
    "a row and an empty text in it": ("pair", "(1,)", '(1,"")'),
    "JSON that is written otherwise": ("json", '{"a":1}', '{"a": 1}'),
    "letters": ("text", "a", "A"),
    "times of a day in two zones": ("timetz", "12:00+01", "11:00+00"),
}
EXCHANGED = {
    "between two rows": "insert into kept values ('1', 'a'), ('2', 'b')",
    "between two columns": "insert into kept values ('a', 'b'), ('b', 'a'), ('b', 'a')",
    "of one column with nothing": "insert into kept values ('a', ''), ('', 'b')",
}


def counting(node: Node, version: int) -> str:
    """What the node's program asks when it counts all: the SQL of its own copy."""
    checksums, every_table, locks, tables, large_objects = (
        (node.scripts / "quickdata_node" / f"{file}.sql").read_text()
        for file in (f"checksums_{version}", "every_table", "counting", "tables", "large_objects")
    )
    return f"{BEGIN}{checksums}{every_table}{locks}\\set counted true\n{tables}{large_objects}{END}"


def checksum(node: Node, version: int, table: str = "kept") -> str | None:
    printed = node.sql(counting(node, version)).removesuffix("end")
    [found] = [each.checksum for each in read_tables(printed) if each.name == table]
    return found


@pytest.mark.parametrize("version", LOCKED)
def test_what_a_type_takes_for_equal_is_told_apart(node: Node, version: int) -> None:
    node.create("create type pair as (a int, b text)")
    for what, (type_, one, other) in (EQUAL_TO_THEIR_TYPE | OF_ONE_HASH).items():
        value = "null" if other is None else f"'{other}'"
        node.sql(f"create table kept (v {type_}); insert into kept values ('{one}')")
        before = checksum(node, version)
        node.sql(f"update kept set v = {value}::{type_}")
        assert checksum(node, version) != before, what
        node.sql("drop table kept")


@pytest.mark.parametrize("version", LOCKED)
def test_values_that_are_exchanged_are_told_apart(node: Node, version: int) -> None:
    node.create("create table kept (a text, b text)")
    for where, rows in EXCHANGED.items():
        node.sql(f"truncate kept; {rows}")
        before = checksum(node, version)
        exchange = "b = case b when 'a' then 'b' when 'b' then 'a' else b end"
        node.sql(f"update kept set {exchange if 'rows' in where else 'a = b, b = a'}")
        assert checksum(node, version) != before, where


@pytest.mark.parametrize("version", LOCKED)
def test_rows_in_another_order_are_the_same(node: Node, version: int) -> None:
    node.create("create table kept as select n, n / 7.0 as part from generate_series(1, 100) n")
    before = checksum(node, version)
    node.sql("create table other as table kept; truncate kept; insert into kept table other order by n desc")
    assert checksum(node, version) == before


@pytest.mark.parametrize("version", LOCKED)
def test_a_dump_knows_one_nan_and_so_does_the_checksum(node: Node, version: int) -> None:
    node.create("create table kept as select 'inf'::float8 - 'inf'::float8 as v")
    before = checksum(node, version)
    node.sql("update kept set v = 'nan'")
    assert checksum(node, version) == before


def test_every_column_counts_whatever_its_type(node: Node) -> None:
    node.create(EVERYTHING)
    found = "from pg_class where relname ~ '^Ünï' and relkind = 'r'"
    where, name = (node.sql(f"select {what} {found}") for what in ("oid::regclass", "relname"))
    seen = [checksum(node, 2, name)]
    own = "attnum > 0 and attgenerated = '' and attidentity = ''"
    columns = node.sql(
        f"select quote_ident(attname) from pg_attribute where {own} and attrelid = (select oid {found})"
    ).splitlines()
    for column in columns:
        node.sql(f"update {where} set {column} = null where id = 7")
        seen.append(checksum(node, 2, name))
    assert len(set(seen)) == len(columns) + 1 > 20


def test_a_table_may_have_as_many_columns_as_any(node: Node) -> None:
    columns = ", ".join(f"c{number} {'text' if number % 2 else 'int'}" for number in range(1500))
    node.create(f"create table kept ({columns}); insert into kept (c0, c1499) values (1, 'x')")
    before = checksum(node, 2)
    node.sql("update kept set c1499 = 'y'")
    assert checksum(node, 2) != before


def test_large_objects_are_told_apart(node: Node) -> None:
    node.create("create table kept (); select lo_from_bytea(7, decode(repeat('00ff', 1000000), 'hex'))")
    seen = [checksum(node, 2, "pg_largeobject")]
    for change in ("lo_put(7, 1999999, 'x')", "lo_from_bytea(8, 'y')", "lo_unlink(7), lo_from_bytea(9, 'y')"):
        node.sql(f"select {change}")
        seen.append(checksum(node, 2, "pg_largeobject"))
    assert len(set(seen)) == 4
