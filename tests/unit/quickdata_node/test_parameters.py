"""The parameters of the program's sessions, as PostgreSQL takes them from PGOPTIONS."""

from quickdata_node.parameters import EVERYWHERE, MEANT, as_options, known


def test_a_value_is_one_word_whatever_is_in_it() -> None:
    assert as_options({"a": "read committed", "b": "", "c": "x\\y", "d": None}) == (
        "-c a=read\\ committed -c b= -c c=x\\\\y"
    )


def test_a_server_is_asked_for_nothing_that_it_does_not_know_or_that_this_role_may_not() -> None:
    assert known(160004, superuser=True) == EVERYWHERE
    role = known(180000, superuser=False)
    assert ("transaction_timeout" in role, "event_triggers" in role) == (True, False)
    assert known(180000, superuser=True)["event_triggers"] == "off"


def test_only_what_constraints_go_by_is_set_before_the_rows_come() -> None:
    assert MEANT.match('alter database :"target" set "TimeZone" to \'Europe/Paris\';\n')
    assert not MEANT.match("alter database :\"target\" set lc_monetary to 'de_DE.utf8';\n")
    assert not MEANT.match("alter role timezone in database :\"target\" set work_mem to '1MB';\n")
