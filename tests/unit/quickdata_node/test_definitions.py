"""Definitions: what pg_dump writes, object by object, without what a restore may change."""

from io import BytesIO

import pytest

from quickdata_node.definitions import checksums, normal, objects, read_calls

WRITTEN = r"""--
-- PostgreSQL database dump
--

\restrict ONE

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;

--
-- Name: f(integer); Type: FUNCTION; Schema: public; Owner: me
--

CREATE FUNCTION public.f(integer) RETURNS integer
    AS 'select 1;

select 2';


ALTER FUNCTION public.f(integer) OWNER TO me;

SET default_table_access_method = heap;

--
-- Name: a; b; Type: TABLE; Schema: my schema; Owner: me
--

CREATE TABLE "my schema"."a; b" (
    n integer
);


--
-- Name: citext; Type: EXTENSION; Schema: -; Owner: nobody
--

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;


--
-- PostgreSQL database dump complete
--

\unrestrict ONE

""".replace("nobody", "")


def seen(text: str = WRITTEN) -> dict[str, str]:
    return checksums(BytesIO(text.encode(errors="surrogateescape")))


def test_each_object_has_its_kind_and_its_name() -> None:
    names = ["FUNCTION public.f(integer)", "TABLE my schema.a; b", "EXTENSION citext", "the end"]
    assert [name for name, _ in objects(WRITTEN.splitlines(keepends=True))] == names


def test_what_each_server_and_run_writes_otherwise_does_not_count() -> None:
    other = WRITTEN.replace("18.4", "18.6").replace("ONE", "TWO").replace("default_table", "default_other")
    assert seen(other) == seen()
    start, first, *others = WRITTEN.split("--\n-- Name")
    end = others.pop().split("--\n-- PostgreSQL database dump complete")
    assert seen("--\n-- Name".join([start, *others, f"{end[0]}", f"{first}--\n-- Postgre{end[1]}"]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select 2", "select 3"),
        ("\n\nselect", "\nselect"),
        ("OWNER TO me", "OWNER TO you"),
        ("FUNCTION", "X"),
    ],
)
def test_what_is_written_otherwise_is_seen(old: str, new: str) -> None:
    before, after = seen(), seen(WRITTEN.replace(old, new))
    assert [name for name in before if after.get(name) != before[name]] == ["FUNCTION public.f(integer)"]


def test_objects_of_one_name_count_all_and_their_order_does_not() -> None:
    one, two = (f"--\n-- Name: f; Type: ACL; Schema: s; Owner: me\n--\n\nGRANT {n};\n\n" for n in "12")
    assert seen(one + two) == seen(two + one) != seen(one + one) != seen(one)


def test_a_name_that_is_not_utf8_can_be_written_into_a_manifest() -> None:
    [name] = seen("--\n-- Name: \udcff; Type: TABLE; Schema: s; Owner: me\n--\nx\n")
    assert name == "TABLE s.\ufffd"


SAME = [
    (
        "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b, ('''::character varying])::text[])))",
        "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text,"
        " ('b, ('''::character varying)::text])))",
    ),
    (
        "(x = ANY ((ARRAY[lower((a)::text), f(1, 2)])::public.citext[]))",
        "(x = ANY (ARRAY[(lower((a)::text))::public.citext, (f(1, 2))::public.citext]))",
    ),
    (
        "CREATE TABLE c (\n    a int,\n    b int\n)\nINHERITS (p);",
        "CREATE TABLE c (\n    b int,\n    a int\n)\nINHERITS (p);",
    ),
    ("WHEN ((old.e IS DISTINCT FROM new.e))", "WHEN (((old.e)::text IS DISTINCT FROM (new.e)::text))"),
    ('\'x\'::"my Schema"."T y"[]', "'x'"),
    ("SELECT 1,\n 'a'::text)", "SELECT 1,\n 'a'::text AS text)"),
    ("a::timestamp(3) without time zone, b::numeric(10,2)[]", "a, b"),
    ("GRANT SELECT ON t TO a;\nGRANT ALL ON t TO b;", "GRANT ALL ON t TO b;\nGRANT SELECT ON t TO a;"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_a_restore_writes_otherwise_is_the_same(one: str, other: str) -> None:
    assert normal("TABLE c", one) == normal("TABLE c", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CREATE TYPE t AS (\n\ta int,\n\tb int\n);", "CREATE TYPE t AS (\n\tb int,\n\ta int\n);"),
        ("DEFAULT 'a'::text", "DEFAULT 'b'::text"),
        ("CHECK ((a > 0))", "CHECK ((a >= 0))"),
        ("a integer", "a bigint"),
        ("a numeric(10,2)", "a numeric(10,3)"),
    ],
)
def test_what_means_something_else_is_not(one: str, other: str) -> None:
    assert normal("TABLE c", one) != normal("TABLE c", other)


ATOMIC = "CREATE FUNCTION f() RETURNS int\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT (1)::integer;\nEND;"


def test_the_body_of_a_function_is_text_unless_postgresql_has_read_it() -> None:
    casts = "AS $_$ select ($1)::text $_$;", "AS $_$ select $1 $_$;"
    assert normal("FUNCTION f(text)", casts[0]) != normal("FUNCTION f(text)", casts[1])
    assert normal("FUNCTION f()", ATOMIC) == normal("FUNCTION f()", ATOMIC.replace("(1)::integer", "1"))


def test_a_refresh_is_no_definition() -> None:
    assert (
        seen("--\n-- Name: m; Type: MATERIALIZED VIEW DATA; Schema: s; Owner: me\n--\n\nREFRESH x;\n") == {}
    )


def test_what_objects_call_is_read_line_by_line() -> None:
    assert read_calls('{"name": "call by a\\nb", "checksum": "1"}\n') == {"call by a\nb": "1"}
