"""Notifications by Apprise and by a ping, to a small HTTP server: who gets to know what, and who does not."""

import base64
import time
from datetime import timedelta

import pytest

from pipeline.servers.process import LOOPBACK, free_port
from tests.support.backup_node import Node
from tests.support.backup_runs import Finished, finish, name_of
from tests.support.faults import Retried, cases
from tests.support.listener import PASSWORD, Listener

BOUND = 45
"""Seconds: what a run waits for notifications, and a busy machine's own time."""


def keeps_the_secret(node: Node, listener: Listener, done: Finished) -> None:
    seen = node.directory / "seen"
    read = [done.out, done.log, node.alert(), seen.read_text() if seen.exists() else ""]
    assert PASSWORD not in "".join(read)
    assert listener.exposed == []


def test_a_good_backup_pings_and_is_silent_otherwise(told: Node, listener: Listener) -> None:
    done = told.backup()
    assert (done.code, listener.told()) == (0, ["GET /UUID?rid=1"])
    keys = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    assert listener.got[0].authorization == f"Basic {keys}"
    assert "notification" not in done.log and "ping" not in done.log
    keeps_the_secret(told, listener, done)


def test_a_ping_that_fails_once_is_sent_again(told: Node, listener: Listener) -> None:
    listener.fails = 1
    done = told.backup()
    assert (done.code, listener.told()) == (0, ["GET /UUID?rid=1"] * 2)
    assert "ping" not in done.log


def test_a_good_backup_is_told_to_those_who_asked(told: Node, listener: Listener) -> None:
    told.configure(NOTIFY=f"{listener.notify()} {listener.notify('more')}", NOTIFY_SUCCESS="yes")
    done = told.backup()
    assert (done.code, listener.told()) == (0, ["POST /messages", "POST /more"])
    message = listener.got[0].message
    assert message["title"].startswith("backup-pg.sh is done on ")
    assert f"of {told.database}: 2 tables, 1000 rows, " in message["message"]
    assert (message["type"], done.json["id"] in message["message"]) == ("success", True)
    keeps_the_secret(told, listener, done)


def test_a_bad_backup_is_told_and_pings_that_it_failed(told: Node, listener: Listener) -> None:
    told.replace("pg_dump", f'env >>{told.directory}/seen; exec "$REAL" --no-such-option')
    done = told.backup()
    assert (done.code, listener.told()) == (1, ["GET /UUID/fail?rid=1", "POST /messages"])
    message = next(each.message for each in listener.got if each.method == "POST")
    assert message["title"].startswith("backup-pg.sh failed on ")
    assert (message["type"], message["message"]) == ("failure", told.alert().split(": ", 1)[1].strip())
    keeps_the_secret(told, listener, done)


def test_a_configuration_that_is_wrong_is_told_too(told: Node, listener: Listener) -> None:
    told.configure(NOTIFY=listener.notify(), PING_URL=listener.ping(), KEEP_DAILY="0")
    done = told.backup()
    assert (done.code, listener.told()) == (2, ["GET /UUID/fail?rid=1", "POST /messages"])
    keeps_the_secret(told, listener, done)


def test_a_bad_restore_is_told_and_pings_nobody(told: Node, listener: Listener) -> None:
    done = told.restore("--id", "ffffffff")
    assert (done.code, listener.told()) == (1, ["POST /messages"])
    assert "holds no backup ffffffff" in listener.got[0].message["message"]
    keeps_the_secret(told, listener, done)


def test_each_look_at_a_backup_that_is_too_old_is_told(node: Node, listener: Listener) -> None:
    node.configure(NOTIFY=listener.notify(), PING_URL=listener.ping(), NOTIFY_SUCCESS="yes")
    node.write(f"postgres/{node.database}/{name_of(timedelta(hours=27, minutes=5))}/manifest.json", "{}")
    looks = [finish(node.start("check-backup-age.sh")) for _ in range(2)]
    assert ([each.code for each in looks], listener.told()) == ([1, 1], ["POST /messages"] * 2)
    assert "27 hours old, the limit is 26" in listener.got[0].message["message"]
    node.write(f"postgres/{node.database}/{name_of(timedelta(hours=1))}/manifest.json", "{}")
    assert finish(node.start("check-backup-age.sh")).code == 0
    assert len(listener.got) == 2


# --- notifications that fail ---

DOWN = "a line without the address in the log; the exit code stays, the hook is called"
FAILING = (
    Retried("the server of notifications is down", "backup", DOWN, how="down"),
    Retried("the server of notifications refuses", "backup", DOWN, how=500),
    Retried("the server of notifications never answers", "backup", "the same, after 30 seconds", how=0),
    Retried("an address that Apprise does not know", "backup", DOWN, how="unknown"),
)
SAID = {
    "down": ["notification 1 (json) failed: it was not delivered", "the ping failed: ConnectionError"],
    500: ["notification 1 (json) failed: it was not delivered", "the ping failed: HTTP 500"],
    0: ["notification 1 (json) failed: it ", "the ping failed: ReadTimeout"],
    "unknown": [
        "notification 1 (nowhere) failed: Apprise does not accept",
        "the ping failed: InvalidSchema",
    ],
}


@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
@pytest.mark.parametrize("case", cases(FAILING))
def test_notifications_that_fail_are_said_in_a_line_and_change_nothing(
    told: Node, listener: Listener, case: Retried, bad: bool
) -> None:
    notify, ping = listener.notify(), listener.ping()
    if case.how == "down":
        notify, ping = (each.replace(listener.host, f"{LOOPBACK}:{free_port()}") for each in (notify, ping))
    elif case.how == "unknown":
        notify, ping = f"nowhere://{PASSWORD}", f"nowhere://{PASSWORD}"
    else:
        listener.status = case.how
        told.mutate("sender.py", "PATIENCE = 5", "PATIENCE = 1")
    told.configure(NOTIFY=notify, PING_URL=ping, NOTIFY_SUCCESS="yes", **({"KEEP_DAILY": "0"} if bad else {}))
    began = time.monotonic()
    done = told.backup()
    assert time.monotonic() - began < BOUND
    assert (done.code, bool(told.alert())) == ((2, True) if bad else (0, False))
    assert [sum(said in line for line in done.log.splitlines()) for said in SAID[case.how]] == [1, 1]
    assert done.log.count(" failed: ") == 2
    keeps_the_secret(told, listener, done)
    assert told.leaves_nothing()


CHATTY = (
    Retried(
        "a library prints the address of a notification",
        "backup",
        "it is sent, and the address is shown nowhere",
    ),
)


@pytest.mark.parametrize("case", cases(CHATTY))
def test_what_a_library_prints_about_an_address_is_shown_nowhere(
    told: Node, listener: Listener, case: Retried
) -> None:
    printed = "print(address, flush=True); print(address, file=sys.stderr, flush=True)"
    told.mutate("sender.py", "    messenger = Apprise(", f"    {printed}\n    messenger = Apprise(")
    told.configure(NOTIFY=listener.notify(), NOTIFY_SUCCESS="yes")
    done = told.backup()
    assert (done.code, listener.told()) == (0, ["POST /messages"])
    assert "notification" not in done.log
    keeps_the_secret(told, listener, done)


SLOW = (
    Retried("the server of notifications sends a byte now and then", "backup", f"{DOWN}; after 30 seconds"),
)


@pytest.mark.parametrize("case", cases(SLOW))
def test_notifications_take_no_longer_than_they_may(told: Node, listener: Listener, case: Retried) -> None:
    listener.status = 1
    told.mutate("notifications.py", "LONGEST = 30", "LONGEST = 2")
    told.configure(NOTIFY=listener.notify(), PING_URL=listener.ping(), NOTIFY_SUCCESS="yes")
    done = told.backup()
    assert (done.code, done.log.count(" failed: it took longer than 2 seconds; ")) == (0, 2)
    keeps_the_secret(told, listener, done)
    assert told.leaves_nothing()
