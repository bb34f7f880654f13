"""Guards that the fault suite holds: `make test-faults` takes each out."""

from collections.abc import Callable

from tests.node import (
    test_backup,
    test_backup_configuration,
    test_backup_container,
    test_restore,
)
from tests.node import test_faults_postgres as on_postgres
from tests.node import test_faults_s3 as on_s3
from tests.node import test_faults_signals as of_signals
from tests.node.long import test_faults_node as long_node
from tests.node.long import test_faults_objects as long_objects
from tests.node.long import test_faults_postgres as long_postgres
from tests.node.long import test_faults_s3 as long_s3
from tests.node.long import test_faults_signals as long_signals
from tests.node.long import test_retention, test_swap
from tests.support.faults import Fault
from tests.support.mutation import (
    BACKUP,
    COMMON,
    FINGERPRINTS,
    MARKS,
    OBJECTS,
    RESTORE,
    RETENTION,
    SWAP,
    Mutation,
)


def injected(
    guard: str, script: str, text: str, instead: str, test: Callable[..., None], case: Fault
) -> Mutation:
    """A guard that only a fault shows."""
    return Mutation(guard, script, text, instead, test, {"case": case})


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
FORKED = long_signals.test_what_a_killed_script_has_started_ends_by_itself
HIDDEN = long_postgres.test_rows_that_are_hidden_fail_the_counting_too

FAULT_MUTATIONS = (
    injected(
        "a session that waits for nobody",
        BACKUP,
        'exec {SESSION}<>"$RUN/ask"',
        "exec {SESSION}</dev/null",
        FORKED,
        long_signals.FORKED[0],
    ),
    injected(
        "an upload that waits for nobody",
        BACKUP,
        'exec {pipe}<>"$RUN/$1"',
        "exec {pipe}</dev/null",
        FORKED,
        long_signals.FORKED[0],
    ),
    injected(
        "a download that waits for nobody",
        OBJECTS,
        'exec {pipe}<>"$RUN/$object"',
        "exec {pipe}</dev/null",
        FORKED,
        long_signals.FORKED[1],
    ),
    injected(
        "sessions are not ended for ever",
        SWAP,
        " min_rows=1 count=600",
        " min_rows=1",
        FORKED,
        long_signals.FORKED[2],
    ),
    injected("a manifest whose answer was lost", BACKUP, " || is_published ||", " ||", ONCE, on_s3.ONCE[1]),
    injected(
        "a signal beside the manifest",
        BACKUP,
        "trap '' HUP INT TERM # what is there",
        "#",
        SIGNALS,
        of_signals.LATE[0],
    ),
    injected(
        "a signal beside the note",
        RESTORE,
        "trap '' HUP INT TERM # what is noted",
        "#",
        SIGNALS,
        of_signals.LATE[1],
    ),
    injected(
        "what is tried again",
        COMMON,
        "{AWS_RETRY_MODE:-standard}",
        "{AWS_RETRY_MODE:-legacy}",
        ONCE,
        on_s3.ONCE[2],
    ),
    injected(
        "the metadata service is asked again",
        COMMON,
        "NUM_ATTEMPTS:-5}",
        "NUM_ATTEMPTS:-1}",
        long_s3.test_the_metadata_service_is_asked_again,
        long_s3.CREDENTIALS[0],
    ),
    injected(
        "the backup's listing",
        BACKUP,
        'LISTING=$(list "$DATABASE") ||',
        'LISTING=$(list "$DATABASE") || true ||',
        S3,
        s3("403", "backup: the listing"),
    ),
    injected(
        "the restore's listing",
        RESTORE,
        'listing=$(list "$SOURCE") ||',
        'listing=$(list "$SOURCE") || true ||',
        S3,
        s3("403", "restore: the listing"),
    ),
    injected(
        "the counting's end", BACKUP, "[[ ${line:-} == end ]] ||", "true ||", HIDDEN, long_postgres.HIDDEN[0]
    ),
    injected(
        "row-level security",
        FINGERPRINTS,
        "set local row_security = off;",
        "",
        HIDDEN,
        long_postgres.HIDDEN[0],
    ),
    injected(
        "the session's exit code",
        BACKUP,
        'wait "$COUNTING" ||',
        'wait "$COUNTING" || true ||',
        SESSION,
        long_postgres.SESSIONS[0],
    ),
    injected(
        "the manifest's making",
        BACKUP,
        "< <(manifest) ||",
        "< <(manifest) || true ||",
        SESSION,
        long_postgres.SESSIONS[1],
    ),
    injected(
        "names in the order of time",
        BACKUP,
        "now=$((taken < now ? now : taken + 1))",
        ":",
        long_node.test_of_two_backups_in_one_second_the_later_is_the_latest,
        long_node.SECONDS[0],
    ),
    injected(
        "the manifest is removed first",
        RETENTION,
        's3 rm --only-show-errors "s3://$BACKUP_BUCKET/postgres/$DATABASE/$1/manifest.json" &&',
        's3 rm --only-show-errors "s3://$BACKUP_BUCKET/postgres/$DATABASE/$1/dump.zst" &&',
        long_s3.test_the_manifest_of_an_old_backup_goes_first,
        long_s3.ORDER[0],
    ),
    injected(
        "what a killed run left on the disk",
        COMMON,
        'remove_folders "$STATE_DIR"/run.???????? && ',
        "",
        long_node.test_a_lock_that_nobody_holds_does_not_stop_a_backup,
        long_node.STALE[0],
    ),
    injected(
        "the trap of SIGTERM",
        COMMON,
        """trap 'MESSAGE="interrupted by SIGTERM; run it again"; exit 143' TERM""",
        "",
        of_signals.test_a_run_that_is_terminated_leaves_nothing,
        of_signals.TERMINATED[1],
    ),
    injected(
        "no SQL from a manifest",
        COMMON,
        'tag="\\$q$(random_id)$(random_id)\\$"',
        'tag="\\$q\\$"',
        long_objects.test_a_manifest_is_never_sql,
        long_objects.QUOTED[0],
    ),
    injected(
        "the server answers",
        RESTORE,
        '|| fail 1 "PostgreSQL cannot be reached"',
        '|| true || fail 1 "PostgreSQL cannot be reached"',
        on_postgres.test_a_server_that_does_not_run_is_told,
        on_postgres.GONE[1],
    ),
    injected(
        "the comparison's words",
        RESTORE,
        '|| fail 1 "the comparison says nothing"',
        '|| true || fail 1 "the comparison says nothing"',
        VERIFIER,
        verifier(3),
    ),
    injected(
        "the comparison's exit code",
        RESTORE,
        'comparison >"$RUN/comparison" ||',
        'comparison >"$RUN/comparison" || true ||',
        VERIFIER,
        verifier(2),
    ),
    injected(
        "the restored rows' counting",
        RESTORE,
        'wait "$!" || fail 1 "the restored rows',
        'wait "$!" || true || fail 1 "the restored rows',
        VERIFIER,
        verifier(0),
    ),
    injected(
        "the codec",
        RESTORE,
        """command -v "${CODEC[$object]}" >/dev/null ||""",
        "true ||",
        long_node.test_a_backup_that_nothing_here_unpacks_is_refused,
        long_node.CODEC[0],
    ),
    injected("pg_restore's exit code", OBJECTS, "((consumed == 0)) ||", "true ||", VERIFIER, verifier(6)),
    injected(
        "objects that nobody knows",
        RESTORE,
        "$object =~ ^(dump|globals|attachments)$ && ",
        "",
        MANIFEST,
        long_objects.WRONG[2],
    ),
    injected(
        "all objects are there",
        RESTORE,
        "[[ -n ${KEY[dump]:-} && -n ${KEY[globals]:-} ]] ||",
        "true ||",
        MANIFEST,
        long_objects.WRONG[1],
    ),
    injected(
        "objects of this backup",
        RESTORE,
        ' ${KEY[$object]} == "$PREFIX"/* &&',
        "",
        MANIFEST,
        long_objects.WRONG[3],
    ),
    Mutation(
        "the download's exit code",
        OBJECTS,
        "((downloaded == 0)) ||",
        "true ||",
        test_restore.test_a_missing_dump_is_refused,
    ),
    Mutation(
        "the server's age",
        RESTORE,
        "((SERVER / 10000 >= SERVER_MAJOR)) ||",
        "true ||",
        test_restore.test_a_backup_of_a_newer_server_is_refused,
    ),
    Mutation(
        "something to restore",
        RESTORE,
        "[[ -n $complete ]] ||",
        "true ||",
        test_restore.test_nothing_to_verify_is_a_failure,
    ),
    Mutation(
        "the wanted backup",
        RESTORE,
        "[[ -n $NAME ]] ||",
        "true ||",
        test_restore.test_an_older_backup_comes_back_by_its_id,
    ),
    Mutation(
        "databases to the letter",
        MARKS,
        " and substr(datname, length(:'prefix') + 1) ~ ('^' || :'pattern' || '\\$')",
        "",
        test_swap.test_the_live_database_is_kept_until_the_next_restore,
    ),
    Mutation(
        "the caller's environment",
        COMMON,
        'unset "${!AWS_@}" "${!PG@}" "${!DRILL_@}"',
        "",
        test_backup_configuration.test_the_callers_environment_says_nothing,
    ),
    Mutation(
        "the configuration is there",
        COMMON,
        "[[ -f $file && -r $file ]] ||",
        "true ||",
        test_backup_configuration.test_a_missing_configuration,
    ),
    Mutation(
        "the configuration's owner",
        COMMON,
        "((owner == EUID || owner == 0)) ||",
        "true ||",
        test_backup_configuration.test_a_configuration_of_another_user,
    ),
    Mutation(
        "the configuration's values",
        COMMON,
        "((${#problems[@]} == 0)) ||",
        "true ||",
        test_backup_configuration.test_every_problem_is_said_at_once,
    ),
    Mutation(
        "a name that a key can hold",
        COMMON,
        "${DATABASE:-} == */* ||",
        "",
        test_backup_configuration.test_a_name_that_no_key_can_hold,
        {"name": "a/b"},
    ),
    Mutation(
        "one container",
        COMMON,
        "((${#containers[@]} == 1)) ||",
        "true ||",
        test_backup_container.test_no_container_or_two_are_a_failure,
        {"found": "$'4f2a\\n77c1\\n'", "count": 2},
    ),
    Mutation(
        "names of backups",
        COMMON,
        "$name =~ $BACKUP_NAME && ",
        "",
        test_retention.test_nothing_else_in_the_bucket_is_touched,
    ),
    Mutation(
        "the attachments are there",
        BACKUP,
        "[[ -d $ATTACHMENTS_DIR ]] ||",
        "true ||",
        test_backup.test_attachments_that_are_not_there_fail_the_backup,
    ),
    Mutation(
        "the last days",
        RETENTION,
        "[[ -n ${days[$day]:-} || ${#days[@]} -ge $KEEP_DAILY ]]",
        "true",
        test_retention.test_the_newest_of_each_of_the_last_days_stays_and_the_rest_goes,
    ),
    Mutation(
        "the last weeks",
        RETENTION,
        "[[ -n ${weeks[$week]:-} || ${#weeks[@]} -ge $KEEP_WEEKLY ]]",
        "true",
        test_retention.test_the_weeks_newest_stays_beyond_the_days,
    ),
    Mutation(
        "younger than a day",
        RETENTION,
        "$name < $yesterday && $name",
        "$name",
        test_retention.test_what_is_younger_than_a_day_stays,
    ),
)
