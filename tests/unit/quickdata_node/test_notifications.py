"""Who is told what, and by which name."""

import pytest

from quickdata_node.notifications import Notifications, failed, read

ADDRESSES = "mailto://user:secret@example.org slack://TokenA/TokenB/TokenC"
PING = "https://hc-ping.com/0b5c0000-secret"


def told(program: str, bad: bool, **values: str) -> list[str]:
    notifications = read(program, {"NOTIFY": ADDRESSES, "PING_URL": PING, **values})
    return list(notifications._messages(bad, "x"))


BOTH = ["notification 1 (mailto)", "notification 2 (slack)"]


@pytest.mark.parametrize(
    ("program", "bad", "success", "names"),
    [
        ("backup-pg.sh", True, "", ["the ping", *BOTH]),
        ("backup-pg.sh", False, "", ["the ping"]),
        ("backup-pg.sh", False, "yes", ["the ping", *BOTH]),
        ("restore-pg-latest.sh", True, "", BOTH),
        ("restore-pg-latest.sh", False, "yes", []),
        ("check-backup-age.sh", True, "", BOTH),
        ("check-backup-age.sh", False, "yes", []),
    ],
)
def test_failures_are_told_and_good_backups_to_those_who_asked(
    program: str, bad: bool, success: str, names: list[str]
) -> None:
    assert told(program, bad, NOTIFY_SUCCESS=success) == names


def test_nobody_is_told_where_nobody_is_named() -> None:
    assert list(read("backup-pg.sh", {}).send(True, "x")) == []
    assert list(Notifications().send(False, "x")) == []


@pytest.mark.parametrize(
    ("address", "instead"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/key/slug?create=1", "https://hc-ping.com/key/slug/fail?create=1"),
        ("http://user:pass@127.0.0.1:8000/ping/uuid", "http://user:pass@127.0.0.1:8000/ping/uuid/fail"),
    ],
)
def test_a_bad_backup_pings_beside_the_good_ones(address: str, instead: str) -> None:
    assert failed(address) == instead


def test_what_is_no_url_has_no_name_that_could_be_a_secret() -> None:
    messages = read("check-backup-age.sh", {"NOTIFY": "token-of-somebody xn--secret"})._messages(True, "x")
    assert list(messages) == ["notification 1", "notification 2"]


def test_no_secret_is_shown_by_accident() -> None:
    shown = repr(read("backup-pg.sh", {"NOTIFY": ADDRESSES, "PING_URL": PING}))
    assert "secret" not in shown and "Token" not in shown
