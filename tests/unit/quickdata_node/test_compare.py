"""What came back, beside what the manifest says."""

from quickdata_node.compare import differences, differences_of_definitions
from quickdata_node.manifest import Table

ONE = Table("public", "one", "table", 2, "5")


def changed(**values: object) -> Table:
    return Table(**{**vars(ONE), **values})  # type: ignore[arg-type]


def test_what_is_the_same_is_no_difference() -> None:
    assert list(differences([ONE], [ONE])) == []


def test_each_table_that_differs_is_named_with_what_differs() -> None:
    before = [ONE, changed(name="gone"), changed(name="Less"), changed(name="kind"), changed(name="other")]
    after = [
        ONE,
        changed(name="Less", rows=1),
        changed(name="kind", kind="foreign table"),
        changed(name="other", checksum="6"),
        changed(name='ne"w'),
    ]
    assert list(differences(before, after)) == [
        'public."Less" has 1 rows instead of 2',
        "public.gone is missing",
        "public.kind is a foreign table instead of a table",
        'public."ne""w" is not in the manifest',
        "public.other has the same number of rows, with other content",
    ]


def test_each_object_that_is_defined_otherwise_is_named() -> None:
    before = {"TABLE public.one": "1", "TRIGGER public.one seen": "2", "VIEW public.gone": "3"}
    after = {"TABLE public.one": "1", "TRIGGER public.one seen": "4", "INDEX public.new": "5"}
    assert list(differences_of_definitions(before, after)) == [
        "INDEX public.new is not in the manifest",
        "TRIGGER public.one seen is defined otherwise",
        "VIEW public.gone is missing",
    ]


def test_no_name_writes_to_a_terminal() -> None:
    clear = "\x1b[2J\n"
    lines = [*differences([changed(name=clear)], []), *differences_of_definitions({clear: "1"}, {})]
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
