"""Guards that the fault suite holds: `make test-faults` takes each out."""

from collections.abc import Callable

from tests.node import (
    test_backup,
    test_backup_configuration,
    test_backup_container,
    test_keep_going,
    test_needs,
    test_restore,
)
from tests.node import test_faults_postgres as on_postgres
from tests.node import test_faults_s3 as on_s3
from tests.node import test_faults_signals as of_signals
from tests.node.long import test_faults_node as long_node
from tests.node.long import test_faults_objects as long_objects
from tests.node.long import test_faults_postgres as long_postgres
from tests.node.long import test_faults_s3 as long_s3
from tests.node.long import test_lossy_databases as lossy
from tests.node.long import test_retention, test_swap
from tests.support.faults import Fault
from tests.support.mutation import Mutation


def injected(
    guard: str, module: str, text: str, instead: str, test: Callable[..., None], case: Fault
) -> Mutation:
    """A guard that only a fault shows."""
    return Mutation(guard, module, text, instead, test, {"case": case})


def s3(kind: str, moment: str) -> Fault:
    return next(each for each in long_s3.LASTING if (each.name, each.moment) == (f"S3: {kind}", moment))


def verifier(place: int) -> Fault:
    return long_postgres.VERIFIERS[place]


SIGNALS = of_signals.test_a_signal_that_comes_with_the_last_word_does_not_make_it_a_lie
ONCE = on_s3.test_a_request_that_fails_once_does_not_make_a_good_backup_a_failure
S3 = long_s3.test_s3_that_fails_makes_no_backup_and_no_restore
VERIFIER = long_postgres.test_a_verifier_that_cannot_run_verifies_nothing
MANIFEST = long_objects.test_a_manifest_that_lacks_what_is_needed_is_refused
SESSION = long_postgres.test_a_psql_that_fails_at_the_end_makes_no_backup
HIDDEN = long_postgres.test_rows_that_are_hidden_fail_the_counting_too

FAULT_MUTATIONS = (
    Mutation(
        "sessions are not ended for ever",
        "swap.py",
        " min_rows=1 count=600",
        " min_rows=1",
        test_swap.test_when_a_swap_is_killed_others_sessions_are_not_ended_for_ever,
    ),
    injected(
        "what the server lacks",
        "target.py",
        "if found := list_lacking(server, needs):",
        "if found := []:",
        test_needs.test_what_the_server_lacks_is_told_before_anything_is_downloaded,
        test_needs.LACKS[0],
    ),
    injected(
        "a manifest whose answer was lost",
        "backup.py",
        "if not is_published(store, key, text):",
        "if True:",
        ONCE,
        on_s3.ONCE[1],
    ),
    injected(
        "a signal beside the manifest",
        "backup.py",
        "    run.hold_signals()  # a backup that exists must not be reported as interrupted; the rest takes seconds\n",
        "",
        SIGNALS,
        of_signals.LATE[0],
    ),
    injected(
        "a signal beside the note",
        "outcome.py",
        "    run.hold_signals()  # a verified backup must not be reported as interrupted\n",
        "",
        SIGNALS,
        of_signals.LATE[1],
    ),
    injected(
        "requests to S3 are repeated",
        "config.py",
        '"AWS_RETRY_MODE": "standard"',
        '"AWS_RETRY_MODE": "legacy"',
        ONCE,
        on_s3.ONCE[2],
    ),
    injected(
        "the metadata service is asked again",
        "config.py",
        'NUM_ATTEMPTS": "5"',
        'NUM_ATTEMPTS": "1"',
        long_s3.test_the_metadata_service_is_asked_again,
        long_s3.CREDENTIALS[0],
    ),
    injected(
        "an answer that broke off",
        "store.py",
        "                if attempt == ATTEMPTS:\n",
        "                if True:\n",
        long_s3.test_what_passes_is_tried_again_and_the_backup_is_good,
        long_s3.PASSING[-1],
    ),
    injected(
        "the backup's listing",
        "backup.py",
        'raise Failed(f"s3://{config.bucket} cannot be listed", LISTING) from error',
        "keys = []",
        S3,
        s3("403", "backup: the listing"),
    ),
    injected(
        "the restore's listing",
        "target.py",
        'raise Failed(f"{where} cannot be listed", fix) from error',
        "keys = []",
        S3,
        s3("403", "restore: the listing"),
    ),
    injected(
        "the counting's end",
        "session.py",
        'raise ServerFailed("psql ended before all was counted")',
        "break",
        HIDDEN,
        long_postgres.HIDDEN[0],
    ),
    injected(
        "row-level security",
        "parameters.py",
        '"row_security": "off"',
        '"row_security": None',
        HIDDEN,
        long_postgres.HIDDEN[0],
    ),
    injected(
        "the session's exit code",
        "session.py",
        "if code := self._psql.wait():",
        "if (code := self._psql.wait()) is None:",
        SESSION,
        long_postgres.SESSIONS[0],
    ),
    injected(
        "names in the order of time",
        "names.py",
        "max(now, _time_to_follow(newest) + timedelta(seconds=1))",
        "max(now, _time_to_follow(newest) - timedelta(days=1))",
        long_node.test_of_two_backups_in_one_second_the_later_is_the_latest,
        long_node.SECONDS[0],
    ),
    injected(
        "the manifest is removed first",
        "names.py",
        "(file != MANIFEST, file)",
        "(file == MANIFEST, file)",
        long_s3.test_the_manifest_of_an_old_backup_goes_first,
        long_s3.ORDER[0],
    ),
    injected(
        "files of a killed run on the disk",
        "run.py",
        '            remove_folders(sorted(state_dir.glob("run.????????")), self.log)\n',
        "",
        long_node.test_a_lock_that_nobody_holds_does_not_stop_a_backup,
        long_node.STALE[0],
    ),
    injected(
        "SIGTERM ends a run",
        "run.py",
        "SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)",
        "SIGNALS = (signal.SIGHUP, signal.SIGINT)",
        of_signals.test_a_run_that_is_terminated_leaves_nothing,
        of_signals.TERMINATED[1],
    ),
    injected(
        "the server answers",
        "server.py",
        'raise Failed("PostgreSQL cannot be reached", "check PGUSER and that the server runs") from error',
        "return",
        on_postgres.test_a_server_that_does_not_run_is_told,
        on_postgres.GONE[1],
    ),
    injected(
        "the restored rows' counting",
        "proof.py",
        'raise Failed("the restored rows cannot be counted", ABOVE) from error',
        "actual = []",
        VERIFIER,
        verifier(0),
    ),
    injected(
        "the restored rows are all counted",
        "fingerprints.py",
        '    if not printed.endswith("end\\n"):\n',
        "    if False:\n",
        VERIFIER,
        verifier(1),
    ),
    Mutation(
        "pg_restore's exit code",
        "sinks.py",
        '        if code:\n            raise ServerFailed(f"exit code {code}")',
        "        if False:\n            pass",
        lossy.test_what_no_restore_can_bring_back_fails_the_verification,
        {
            "code": 1,
            "schema": f"{lossy.LOOK} create table kept (a int check (looked(a) = 1)); insert into kept values (1)",
        },
    ),
    injected(
        "objects that nobody knows",
        "manifest.py",
        "name in OBJECTS and ",
        "",
        MANIFEST,
        long_objects.WRONG[2],
    ),
    injected(
        "all objects are there",
        "manifest.py",
        " or not all(found.get(name) for name in NEEDED)",
        "",
        MANIFEST,
        long_objects.WRONG[1],
    ),
    injected(
        "objects of this backup",
        "manifest.py",
        ' and stored.key.startswith(f"{prefix}/")',
        "",
        MANIFEST,
        long_objects.WRONG[3],
    ),
    injected(
        "objects that cannot be built are a failure",
        "restore.py",
        "    if failures and not restore.options.keep_going:\n",
        "    if False:\n",
        test_keep_going.test_objects_that_cannot_be_built_fail_a_restore_which_names_them,
        test_keep_going.DEFAULT[0],
    ),
    injected(
        "only single objects are missing",
        "load.py",
        "if code and not (ignored and int(ignored[1]) == len(found)):",
        "if False:",
        test_keep_going.test_nobody_keeps_going_when_more_went_wrong,
        test_keep_going.MORE[0],
    ),
    injected(
        "a session that ended is not an object",
        "load.py",
        "could not execute query: (ERROR: .*)",
        "could not execute query: (.*)",
        test_keep_going.test_nobody_keeps_going_when_more_went_wrong,
        test_keep_going.MORE[1],
    ),
    injected(
        "--keep-going lists the missing objects",
        "outcome.py",
        "    if failures:\n",
        "    if False:\n",
        test_keep_going.test_who_keeps_going_gets_the_rows_and_a_list_of_what_is_missing,
        test_keep_going.KEPT[0],
    ),
    Mutation(
        "the beginning of a dump is enough",
        "streams.py",
        "        if not seen:\n            source.drain()\n",
        "        source.drain()\n",
        test_keep_going.test_of_a_large_dump_only_the_beginning_is_read_twice,
    ),
    Mutation(
        "the download's end",
        "streams.py",
        'raise Failed(f"{stored.key} cannot be downloaded", fix) from error',
        "went_badly = error",
        test_restore.test_a_missing_dump_is_refused,
    ),
    Mutation(
        "the server's age",
        "target.py",
        "if version // 10000 < major:",
        "if False:",
        test_restore.test_a_backup_of_a_newer_server_is_refused,
    ),
    Mutation(
        "something to restore",
        "target.py",
        "    if not complete:\n",
        "    if False:\n",
        test_restore.test_nothing_to_verify_is_a_failure,
    ),
    Mutation(
        "the wanted backup",
        "target.py",
        "    if not matching:\n",
        "    if False:\n",
        test_restore.test_an_older_backup_comes_back_by_its_id,
    ),
    Mutation(
        "databases to the letter",
        "databases.py",
        "\n  and substr(datname, length(:'prefix') + 1) ~ ('^' || :'pattern' || '$')",
        "",
        test_swap.test_the_live_database_is_kept_until_the_next_restore,
    ),
    Mutation(
        "the caller's environment",
        "config.py",
        "        del os.environ[name]\n",
        "        pass\n",
        test_backup_configuration.test_the_callers_environment_says_nothing,
    ),
    Mutation(
        "the configuration is there",
        "config_file.py",
        "if not (file.is_file() and os.access(file, os.R_OK)):",
        "if False:",
        test_backup_configuration.test_a_missing_configuration,
    ),
    Mutation(
        "the configuration's owner",
        "config_file.py",
        "if status.st_uid not in (os.geteuid(), 0):",
        "if False:",
        test_backup_configuration.test_a_configuration_of_another_user,
    ),
    Mutation(
        "the configuration's values",
        "config.py",
        "    if problems:\n",
        "    if False:\n",
        test_backup_configuration.test_every_problem_is_said_at_once,
    ),
    Mutation(
        "a name that a key can hold",
        "config.py",
        "[/\\x00-",
        "[\\x00-",
        test_backup_configuration.test_a_name_that_no_key_can_hold,
        {"name": "a/b"},
    ),
    Mutation(
        "one container",
        "server.py",
        "if len(found) != 1:",
        "if not found:",
        test_backup_container.test_no_container_or_two_are_a_failure,
        {"found": "$'4f2a\\n77c1\\n'", "count": 2},
    ),
    Mutation(
        "names of backups",
        "names.py",
        "if NAME.fullmatch(name) and (not file",
        "if (not file",
        test_retention.test_nothing_else_in_the_bucket_is_touched,
    ),
    Mutation(
        "the attachments are there",
        "attachments.py",
        "    if not live.is_dir():\n",
        "    if False:\n",
        test_backup.test_attachments_that_are_not_there_fail_the_backup,
    ),
    Mutation(
        "the last days",
        "retention.py",
        "(day not in days and len(days) < keep_daily) or ",
        "",
        test_retention.test_the_newest_of_each_of_the_last_days_stays_and_the_rest_goes,
    ),
    Mutation(
        "the last weeks",
        "retention.py",
        " or (week not in weeks and len(weeks) < keep_weekly)",
        "",
        test_retention.test_the_weeks_newest_stays_beyond_the_days,
    ),
    Mutation(
        "younger than a day",
        "retention.py",
        " if name < yesterday",
        "",
        test_retention.test_what_is_younger_than_a_day_stays,
    ),
)
