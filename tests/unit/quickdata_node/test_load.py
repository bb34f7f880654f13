"""What pg_restore says of the objects that it could not build."""

from quickdata_node.load import read_failures

SAID = """\
pg_restore: error: could not execute query: ERROR:  could not create unique index "notes_note_idx"
DETAIL:  Key (note)=(a) is duplicated.
Command was: CREATE UNIQUE INDEX notes_note_idx ON public.notes USING btree (note);


pg_restore: error: could not execute query: ERROR:  insert or update violates foreign key constraint "of"
DETAIL:  Key (p)=(3) is not present in table "parent".
Command was: ALTER TABLE ONLY public.child
    ADD CONSTRAINT of FOREIGN KEY (p) REFERENCES public.parent(id);


pg_restore: warning: errors ignored on restore: 2
"""


def test_each_object_that_was_refused_is_named_with_why_and_its_command() -> None:
    index, key = read_failures(SAID)
    assert (index.what, index.why) == (
        "CREATE UNIQUE INDEX notes_note_idx ON public.notes USING btree (note)",
        'ERROR:  could not create unique index "notes_note_idx"',
    )
    assert key.what == (
        "ALTER TABLE ONLY public.child ADD CONSTRAINT of FOREIGN KEY (p) REFERENCES public.parent(id)"
    )
    assert key.command == (
        "ALTER TABLE ONLY public.child\n    ADD CONSTRAINT of FOREIGN KEY (p) REFERENCES public.parent(id);\n"
    )


def test_a_lost_connection_is_no_object_that_was_refused() -> None:
    gone = "could not execute query: server closed the connection unexpectedly"
    assert list(read_failures(f"pg_restore: error: {gone}\nCommand was: SELECT 1;\n")) == []
