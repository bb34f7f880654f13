"""Each guard of the scripts, taken out of a copy: a named test must go red, so no guard is there in vain."""

import inspect
from typing import Any

import pytest

from tests.node import (
    test_backup,
    test_backup_age,
    test_backup_configuration,
    test_restore,
    test_retention,
    test_swap,
)
from tests.support.data_mutations import DATA_MUTATIONS
from tests.support.fault_mutations import FAULT_MUTATIONS
from tests.support.mutation import AGE, BACKUP, COMMON, OBJECTS, RESTORE, RETENTION, SWAP, Mutation

PARAMETERS: dict[str, Any] = {
    "mode": 0o640,
    "taken": "cat >/dev/null",
    "field": "database_bytes",
    "option": "--id",
    "move": 2,
    "key": "unpacked",
    "name": "TERM",
    "arguments": ("--config", ""),
    "action": "--verify",
    "hours": "0",
    "forged": "CREATE ROLE {role} {shell};\n-- quickdata: create",
}

MUTATIONS = (
    Mutation(
        "pipefail",
        COMMON,
        "set -Eeuo pipefail",
        "set -Eeu",
        test_backup.test_a_pg_dump_killed_halfway_publishes_nothing,
    ),
    Mutation(
        "the dump's exit code",
        BACKUP,
        'wait "${FEED[$object]}" ||',
        'wait "${FEED[$object]}" || true ||',
        test_backup.test_a_pg_dump_killed_halfway_publishes_nothing,
    ),
    Mutation(
        "the upload's exit code",
        BACKUP,
        'wait "${UPLOAD[$object]}" ||',
        'wait "${UPLOAD[$object]}" || true ||',
        test_backup.test_a_refused_upload_publishes_nothing,
    ),
    Mutation(
        "the held input",
        BACKUP,
        "FEED[$object]=$!",
        "FEED[$object]=$! descriptor=${HELD[$object]} && exec {descriptor}>&-",
        test_backup.test_the_upload_of_a_dump_that_died_never_sees_the_end_of_its_input,
    ),
    Mutation(
        "kill before close",
        COMMON,
        '&& kill "$child"',
        '&& for pipe in "${HELD[@]}"; do exec {pipe}>&-; done && wait "$child"',
        test_backup.test_a_pg_dump_killed_halfway_publishes_nothing,
    ),
    Mutation(
        "If-None-Match",
        BACKUP,
        " --if-none-match '*'",
        "",
        test_backup.test_a_manifest_that_is_there_is_never_overwritten,
    ),
    Mutation(
        "the snapshot",
        BACKUP,
        '--snapshot="$SNAPSHOT"',
        "",
        test_backup.test_rows_written_during_the_dump_do_not_make_it_differ,
    ),
    Mutation(
        "the lock",
        COMMON,
        'flock --nonblock "$LOCK" ||',
        "true ||",
        test_backup.test_of_two_backups_at_once_one_wins_and_the_other_says_so,
    ),
    Mutation(
        "the cleaning at the end",
        COMMON,
        "trap finish EXIT",
        "",
        test_restore.test_a_wrong_content_checksum_in_the_manifest_is_refused,
    ),
    Mutation(
        "the configuration's mode",
        COMMON,
        "((8#$mode & 8#077)) &&",
        "false &&",
        test_backup_configuration.test_a_configuration_open_to_others,
    ),
    Mutation(
        "the manifest makes the backup",
        RESTORE,
        "complete=$(names manifest.json",
        "complete=$(names '*'",
        test_restore.test_an_unfinished_backup_is_not_the_latest,
    ),
    Mutation(
        "the manifest's format",
        RESTORE,
        "[[ $format == 1 ]] ||",
        "true ||",
        test_restore.test_a_manifest_of_a_newer_format_is_refused,
    ),
    Mutation(
        "the manifest's database",
        RESTORE,
        '$database == "$SOURCE" &&',
        "",
        test_restore.test_a_manifest_of_another_database_is_refused,
    ),
    Mutation(
        "the SHA-256",
        OBJECTS,
        '[[ $(cut -c1-64 "$RUN/$object.sha256") == "${SHA256[$object]}" ]] ||',
        "true ||",
        test_restore.test_a_wrong_sha256_in_the_manifest_is_refused,
    ),
    Mutation(
        "the content",
        RESTORE,
        "((${#differences[@]} == 0)) && return",
        "return 0",
        test_restore.test_a_restore_that_differs_is_seen_and_the_live_database_stays,
    ),
    Mutation(
        "the manifest's numbers",
        RESTORE,
        "[[ $SERVER_MAJOR =~ $NUMBER && $DATABASE_BYTES =~ $NUMBER ]] ||",
        "true ||",
        test_restore.test_what_a_manifest_says_is_never_run,
    ),
    Mutation(
        "the server's number",
        RESTORE,
        "[[ $SERVER =~ $NUMBER ]] ||",
        "true ||",
        test_restore.test_what_a_server_says_is_never_run,
    ),
    Mutation(
        "an option's value",
        RESTORE,
        "[[ -n ${2:-} ]] ||",
        "(($# > 1)) ||",
        test_backup_configuration.test_an_empty_value_restores_nothing,
    ),
    Mutation(
        "the configuration's name",
        COMMON,
        "[[ -n ${2:-} ]] ||",
        "(($# > 1)) ||",
        test_backup_configuration.test_wrong_arguments,
    ),
    Mutation(
        "no shell for what lay in S3",
        OBJECTS,
        "printf '\\\\restrict %s%s\\n'",
        "printf -- '-- %s%s\\n'",
        test_restore.test_globals_get_no_shell_from_psql,
    ),
    Mutation(
        "the room",
        RESTORE,
        "((free > DATABASE_BYTES)) ||",
        "true ||",
        test_restore.test_too_little_room_is_found_before_anything_is_done,
    ),
    Mutation(
        "an object's size",
        RESTORE,
        " && ${BYTES[$object]} =~ $NUMBER",
        "",
        test_restore.test_what_a_manifest_says_of_an_object_is_never_run,
    ),
    Mutation(
        "the attachments' room",
        OBJECTS,
        "((free > needed)) ||",
        "true ||",
        test_restore.test_too_little_room_for_the_attachments_is_found_before_they_come,
    ),
    Mutation(
        "the upload's size",
        BACKUP,
        '--expected-size "${EXPECTED[$1]}"',
        '--expected-size "$DATABASE_BYTES"',
        test_backup.test_an_upload_is_told_the_size_of_what_it_uploads,
    ),
    Mutation(
        "existing roles",
        OBJECTS,
        "[[ -n ${existing[$name]:-} ]] ||",
        "",
        test_swap.test_missing_roles_are_created_and_existing_ones_never_altered,
    ),
    Mutation(
        "clients are disconnected",
        SWAP,
        'disconnect_clients "${names[@]}" &',
        "",
        test_swap.test_clients_that_reconnect_all_the_time_do_not_stop_the_swap,
    ),
    Mutation(
        "the live attachments go back",
        SWAP,
        'move_entries "$ASIDE" "$ATTACHMENTS_DIR" && rmdir "$ASIDE"',
        "return 0",
        test_swap.test_databases_that_cannot_be_swapped_leave_the_attachments,
    ),
    Mutation(
        "the restored attachments make room",
        SWAP,
        " && EMPTIED=1",
        "",
        test_swap.test_attachments_that_cannot_be_swapped_leave_all_that_is_live,
    ),
    Mutation(
        "older copies go last",
        SWAP,
        'swap_databases || undo_swap "the databases"',
        'keep_attachments && swap_databases || undo_swap "the databases"',
        test_swap.test_databases_that_cannot_be_swapped_leave_the_attachments,
    ),
    Mutation(
        "what was left aside",
        RESTORE,
        "check_aside && ",
        "",
        test_swap.test_attachments_that_cannot_be_moved_back_are_named_and_never_dropped,
    ),
    Mutation(
        "held signals",
        SWAP,
        "trap '' HUP INT TERM\n  swap_attachments",
        "swap_attachments",
        test_swap.test_a_signal_does_not_stop_the_swap_halfway,
    ),
    Mutation(
        "the newest verified backup",
        RETENTION,
        ' && $name != "$newest_verified"',
        "",
        test_retention.test_the_newest_verified_backup_stays_however_old,
    ),
    Mutation(
        "unfinished for a day",
        RETENTION,
        " || ! $name < $yesterday",
        "",
        test_retention.test_unfinished_backups_go_after_a_day,
    ),
    Mutation(
        "age: the threshold",
        AGE,
        "((age <= MAX_AGE_HOURS * 3600)) ||",
        "true ||",
        test_backup_age.test_a_cron_that_stopped_is_an_alarm,
    ),
    Mutation(
        "age: no backup at all",
        AGE,
        "[[ -n $NEWEST ]] ||",
        "true ||",
        test_backup_age.test_what_is_no_backup_makes_none_young,
    ),
    Mutation(
        "age: the listing's end",
        AGE,
        "NEWEST=$(times | sort | tail -n 1) ||",
        "NEWEST=$(times | sort | tail -n 1) || true ||",
        test_backup_age.test_a_listing_that_breaks_off_is_an_alarm,
    ),
    Mutation(
        "age: S3's time",
        AGE,
        "if [[ $taken < $written ]]",
        "if true",
        test_backup_age.test_a_name_of_a_time_to_come_makes_no_backup_young,
    ),
    Mutation(
        "age: the name's time",
        AGE,
        "if [[ $taken < $written ]]",
        "if false",
        test_backup_age.test_a_copy_of_an_old_backup_is_old,
    ),
    Mutation(
        "age: names of backups",
        AGE,
        " && $name =~ $BACKUP_NAME",
        "",
        test_backup_age.test_an_odd_name_is_no_backup,
    ),
    Mutation(
        "age: manifests only",
        AGE,
        '$key == "$root$name/manifest.json" && ',
        "",
        test_backup_age.test_what_is_no_backup_makes_none_young,
    ),
    Mutation(
        "age: this clock",
        AGE,
        "((age > -MOST_AHEAD)) ||",
        "true ||",
        test_backup_age.test_a_clock_that_was_set_back_is_an_alarm,
    ),
    Mutation(
        "age: a threshold that is a number",
        AGE,
        "[[ ${MAX_AGE_HOURS:-} =~ ^[1-9][0-9]{0,4}$ ]] ||",
        "true ||",
        test_backup_age.test_a_threshold_that_is_no_number_of_hours_is_an_alarm,
    ),
    Mutation(
        "age: without the lock",
        AGE,
        "  find_newest\n  compare_age",
        "  take_lock\n  find_newest\n  compare_age",
        test_backup_age.test_a_run_that_hangs_is_an_alarm_and_neither_waited_for_nor_disturbed,
    ),
    *FAULT_MUTATIONS,
    *DATA_MUTATIONS,
)


@pytest.mark.faults
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.guard)
def test_without_this_guard_a_test_goes_red(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    node = request.getfixturevalue("node")
    node.mutate(mutation.script, mutation.text, mutation.instead)
    wanted = inspect.signature(mutation.test).parameters
    given = {**PARAMETERS, **mutation.given}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        mutation.test(**{name: given.get(name) or request.getfixturevalue(name) for name in wanted})
