"""The parameters of the program's sessions, as PostgreSQL takes them from PGOPTIONS."""

from quickdata_node.parameters import EVERYWHERE, as_options, known


def test_a_value_is_one_word_whatever_is_in_it() -> None:
    assert as_options({"a": "read committed", "b": "", "c": "x\\y", "d": None}) == (
        "-c a=read\\ committed -c b= -c c=x\\\\y"
    )


def test_a_server_is_asked_for_nothing_that_it_does_not_know_or_that_this_role_may_not() -> None:
    assert known(160004, superuser=True) == EVERYWHERE
    role = known(180000, superuser=False)
    assert ("transaction_timeout" in role, "event_triggers" in role) == (True, False)
    assert known(180000, superuser=True)["event_triggers"] == "off"
