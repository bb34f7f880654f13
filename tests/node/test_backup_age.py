"""check-backup-age.sh: whatever kept the backups from being taken, the alert hook is called."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.servers.process import LOOPBACK, free_port
from tests.support.aged_proxy import aged
from tests.support.backup_node import Node
from tests.support.backup_runs import Finished, finish, name_of, wait_for
from tests.support.fault_proxy import FaultProxy

YOUNG, OLD = timedelta(hours=25), timedelta(hours=27, minutes=5)


def check(node: Node, *arguments: str) -> Finished:
    return finish(node.start("check-backup-age.sh", *arguments))


def alarm(node: Node, *arguments: str) -> str:
    """Check in vain: the hook was called once, with what is returned; nothing was left or printed."""
    node.alerts.unlink(missing_ok=True)
    done = check(node, *arguments)
    assert (done.out, node.files()) == ("", [])
    assert node.alert().startswith("check-backup-age.sh: ")
    assert node.alert().count("\n") == 1
    return f"{done.code}: {node.alert()}"


def silence(node: Node) -> None:
    done = check(node)
    assert (done.code, done.out, done.log, node.alert()) == (0, "", "", "")


def manifest(node: Node, name: str, database: str = "") -> None:
    node.write(f"postgres/{database or node.database}/{name}/manifest.json", "{}")


def listing(node: Node, written: datetime, name: str, check: Callable[[Node], str]) -> str:
    """Check while S3 tells another time than that at which the test writes."""
    manifest(node, name)
    with aged(node.storage.endpoint, written) as url:
        node.configure(AWS_ENDPOINT_URL=url)
        return check(node)


def test_a_young_backup_is_silence(node: Node) -> None:
    manifest(node, name_of(OLD))
    manifest(node, name_of(YOUNG))
    silence(node)


def test_a_cron_that_stopped_is_an_alarm(node: Node) -> None:
    manifest(node, name_of(OLD))
    manifest(node, name_of(timedelta(days=9)))
    said = alarm(node)
    assert said.startswith("1: ")
    assert f"the newest backup of {node.database} is 27 hours old, the limit is 26" in said
    assert "start cron" in said


def test_a_data_volume_that_is_not_mounted_is_an_alarm_although_its_mark_is_gone(
    node: Node, tmp_path: Path
) -> None:
    schedule, mark = tmp_path / "schedule", tmp_path / "volume/pitr"
    manifest(node, name_of(YOUNG))
    node.configure(PITR_SCHEDULE=str(schedule), PITR_MARK=str(mark), PG_DATA=str(mark.parent / "postgresql"))
    silence(node)
    schedule.touch()
    assert "the data's volume is not mounted" in alarm(node)
    told = check(node, "--archiving").json
    assert told["on"], "physical backups are on, and cannot work"
    assert "the data's volume is not mounted" in told["problems"][0]["what"]


def test_who_asks_for_the_state_of_archiving_gets_an_answer_and_no_alarm(node: Node) -> None:
    done = check(node, "--archiving")
    assert (done.code, done.json["on"], done.json["problems"], node.alert()) == (0, False, [], "")


def new(file: Path, age: timedelta) -> str:
    """Make a file that was written some time ago; return its path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(file, (then, then))
    return str(file)


DEPLOYING, OVER = timedelta(minutes=100), timedelta(minutes=121)


def archives(node: Node, tmp_path: Path, since: timedelta) -> None:
    """Physical backups were turned on, and the database does not run yet."""
    node.configure(
        SET_UP=str(tmp_path / "set-up"),
        PITR_MARK=new(tmp_path / "volume/pitr", since),
        PITR_SCHEDULE=new(tmp_path / "schedule", since),
        KEYS_FILE=str(tmp_path / "keys.json"),
        PG_DATA=str(tmp_path / "volume/postgresql"),
        PGPORT=str(free_port()),
    )


def test_a_node_that_is_being_deployed_raises_no_alarm_and_logs_all_that_it_lacks(
    node: Node, tmp_path: Path
) -> None:
    """No backup, no keys, no database, no summary: its deployment brings them. An old backup may be there."""
    archives(node, tmp_path, DEPLOYING)
    new(tmp_path / "set-up", DEPLOYING)
    for lacking in ("holds no backup", "27 hours old"):
        done = check(node)
        assert (done.code, done.out, node.alert()) == (0, "", ""), done.log
        for each in (lacking, "so no WAL is archived", "archiving is unknown", "no readable summary"):
            assert each in done.log
        assert done.log.count("because these backups were set up only now: ") == 4
        manifest(node, name_of(OLD))
    assert len(check(node, "--archiving").json["problems"]) == 2, "who asks gets an answer"


def test_a_first_backup_that_never_comes_is_an_alarm_in_the_end(node: Node, tmp_path: Path) -> None:
    node.configure(SET_UP=new(tmp_path / "set-up", OVER))
    assert "holds no backup" in alarm(node)
    new(tmp_path / "set-up", -timedelta(minutes=5))
    assert "holds no backup" in alarm(node), "a clock that was set back excuses nothing"


def test_physical_backups_that_are_turned_on_excuse_no_logical_one_and_only_for_a_time(
    node: Node, tmp_path: Path
) -> None:
    archives(node, tmp_path, DEPLOYING)
    new(tmp_path / "set-up", OVER)
    said = alarm(node)
    assert "holds no backup" in said and "archiving is unknown" not in said
    archives(node, tmp_path, OVER)
    assert "archiving is unknown" in alarm(node) and "no readable summary" in node.alert()


def test_what_no_deployment_brings_is_an_alarm_also_on_a_new_node(node: Node, tmp_path: Path) -> None:
    archives(node, tmp_path, DEPLOYING)
    new(tmp_path / "set-up", DEPLOYING)
    (tmp_path / "keys.json").write_text('{"Expiration": "2026-01-01T00:00:00Z"}')
    assert "expired at 2026-01-01" in alarm(node)
    (tmp_path / "volume/pitr").unlink()
    assert "the data's volume is not mounted" in alarm(node)
    node.configure(BACKUP_BUCKET="backups-of-nobody", SET_UP=str(tmp_path / "set-up"))
    assert "cannot be listed" in alarm(node)


@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ({}, True),
        ({"ON_FAILURE": ""}, False),
        ({"ON_FAILURE": "", "NOTIFY": "json://127.0.0.1:9"}, True),
        ({"ON_FAILURE": "", "PING_URL": "http://127.0.0.1:9"}, False),
    ],
    ids=["a command", "none", "a notification", "a ping, which is for backups"],
)
def test_the_state_of_archiving_says_whether_an_alarm_reaches_somebody(
    node: Node, settings: dict[str, str], heard: bool
) -> None:
    node.configure(**settings)
    assert check(node, "--archiving").json["heard"] is heard


def test_a_real_backup_ends_the_alarm(node: Node) -> None:
    node.create()
    assert "holds no backup" in alarm(node)
    assert node.backup().code == 0
    node.alerts.unlink()
    silence(node)


def test_a_run_that_hangs_is_an_alarm_and_neither_waited_for_nor_disturbed(node: Node) -> None:
    node.create()
    manifest(node, name_of(OLD))
    with node.locked():
        hanging = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        done = check(node)
        assert done.code == 1
        assert f"the last run (backup-pg.sh, pid {hanging.pid}, since " in node.alert()
        assert hanging.poll() is None
    assert finish(hanging).code == 0
    node.alerts.unlink()
    silence(node)


def test_a_full_disk_is_an_alarm(node: Node) -> None:
    """No byte goes into a file any more, not even into the log; the hook sends its message elsewhere."""
    node.create()
    manifest(node, name_of(OLD))
    os.mkfifo(node.alerts)
    hook = os.open(node.alerts, os.O_RDWR | os.O_NONBLOCK)
    assert on_a_full_disk(node, "backup-pg.sh") != 0
    assert len(node.backups()) == 1
    assert on_a_full_disk(node, "check-backup-age.sh") == 1
    said = os.read(hook, 4096).decode()
    os.close(hook)
    assert said.count("check-backup-age.sh: ") == 1
    assert "27 hours old" in said
    assert "make room if the disk is full" in said


def on_a_full_disk(node: Node, script: str) -> int:
    command = ["prlimit", "--fsize=0", *node.command(script), "--config", str(node.config)]
    env = {"PATH": node.path}
    with Path("/dev/full").open("w") as full:
        return subprocess.run(command, check=False, env=env, stdout=full, stderr=full).returncode


def test_what_is_no_backup_makes_none_young(node: Node) -> None:
    for file in ("dump.zst", "verified.json", "other/manifest.json", "manifest.json/x"):
        node.write(f"postgres/{node.database}/{name_of(YOUNG)}/{file}", "x")
    node.write(f"postgres/{node.database}/{name_of(YOUNG)}", "x")
    assert "holds no backup" in alarm(node)


def test_an_odd_name_is_no_backup(node: Node) -> None:
    for name in ("latest", "20260231", "99999999T999999Z", "x" + name_of(YOUNG)):
        manifest(node, name)
    manifest(node, name_of(OLD))
    assert "27 hours old" in alarm(node)


def test_a_young_backup_of_another_database_is_none_of_ours(node: Node) -> None:
    for database in (f"{node.database}_staging", f"{node.database}/sub", "other"):
        manifest(node, name_of(YOUNG), database)
    manifest(node, name_of(OLD))
    assert "27 hours old" in alarm(node)


def test_a_time_that_no_calendar_has_is_an_alarm(node: Node) -> None:
    manifest(node, "20260231T000000Z-0123abcd")
    assert "the age of the newest backup of" in alarm(node)


def test_a_name_of_a_time_to_come_makes_no_backup_young(node: Node) -> None:
    assert "27 hours old" in listing(node, datetime.now(UTC) - OLD, name_of(timedelta(days=-365)), alarm)


def test_a_copy_of_an_old_backup_is_old(node: Node) -> None:
    assert "27 hours old" in listing(node, datetime.now(UTC), name_of(OLD), alarm)


def test_a_clock_that_was_set_back_is_an_alarm(node: Node) -> None:
    later = timedelta(hours=-3)
    said = listing(node, datetime.now(UTC) - later, name_of(later), alarm)
    assert "its time is in the future; correct the clock" in said


def test_s3_that_cannot_be_reached_is_an_alarm(node: Node) -> None:
    manifest(node, name_of(YOUNG))
    node.configure(AWS_ENDPOINT_URL=f"http://{LOOPBACK}:{free_port()}", AWS_MAX_ATTEMPTS="1")
    assert "the age of the newest backup of" in alarm(node)
    assert "cannot be listed; check the network" in node.alert()


def test_a_bucket_that_is_gone_is_an_alarm(node: Node) -> None:
    node.configure(BACKUP_BUCKET="backups-of-nobody")
    assert "cannot be listed" in alarm(node)


def test_a_listing_that_breaks_off_is_an_alarm(node: Node, proxy: FaultProxy) -> None:
    manifest(node, name_of(YOUNG))
    node.configure(AWS_ENDPOINT_URL=proxy.url, AWS_MAX_ATTEMPTS="1")
    with proxy.making("half", "list-type=2"):
        assert "cannot be listed" in alarm(node)


@pytest.mark.parametrize("hours", ["", "0", "1+1", "999999"])
def test_a_threshold_that_is_not_a_number_of_hours_is_an_alarm(node: Node, hours: str) -> None:
    manifest(node, name_of(YOUNG))
    node.configure(MAX_AGE_HOURS=hours)
    assert alarm(node).startswith("2: ")
    assert "MAX_AGE_HOURS is not a number" in node.alert()


def test_a_hook_that_fails_too_leaves_its_words(node: Node) -> None:
    node.configure(ON_FAILURE="/bin/false")
    assert "the ON_FAILURE command failed too" in check(node).log


@pytest.mark.parametrize("arguments", [["--no-such"], ["--config"], ["--config", ""]], ids=str)
def test_wrong_arguments_are_refused(node: Node, arguments: list[str]) -> None:
    command = [*node.command("check-backup-age.sh"), *arguments]
    done = subprocess.run(command, check=False, env={"PATH": node.path}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "see --help" in done.stderr
