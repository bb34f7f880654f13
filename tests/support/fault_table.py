"""Every fault that a test injects, in the order of docs/faults-table.md."""

from collections.abc import Callable

from tests.node import (
    test_backup,
    test_backup_configuration,
    test_backup_container,
    test_fingerprints,
    test_keep_going,
    test_needs,
    test_notifications,
    test_parts,
    test_restore,
)
from tests.node import test_faults_node as on_node
from tests.node import test_faults_postgres as on_postgres
from tests.node import test_faults_s3 as on_s3
from tests.node import test_faults_signals as of_signals
from tests.node.long import (
    test_definitions,
    test_globals,
    test_limits,
    test_marks,
    test_meanwhile,
    test_parameters,
    test_prepared,
    test_refused,
    test_retention,
    test_swap,
)
from tests.node.long import test_faults_node as long_node
from tests.node.long import test_faults_objects as long_objects
from tests.node.long import test_faults_postgres as long_postgres
from tests.node.long import test_faults_s3 as long_s3
from tests.node.long import test_faults_signals as long_signals
from tests.node.long import test_lossy_databases as lossy
from tests.node.long import test_odd_databases as odd
from tests.node.long import test_restore as long_restore
from tests.support.faults import Fault, Retried

Test = Callable[..., None]
Group = tuple[Test, tuple[Fault, ...]]


def seen(name: str, moment: str, outcome: str, test: Test) -> Group:
    """A fault that one test injects, with assertions of its own."""
    return test, (Retried(name, moment, outcome),)


CONFIGURATION = "exit 2, nothing is done; no alert, because the command is named there"
REFUSED = "exit 1, refused"
TABLE: dict[str, tuple[Group, ...]] = {
    "PostgreSQL and its clients": (
        (on_postgres.test_a_pg_dump_that_is_killed_makes_no_backup, on_postgres.KILLED),
        seen(
            "pg_dump is killed",
            "backup: while rows are still counted",
            "exit 1, the upload is given up and never completed",
            test_backup.test_the_upload_of_a_dump_that_died_is_never_completed,
        ),
        (on_postgres.test_a_server_that_crashes_makes_no_backup, on_postgres.CRASHES),
        (long_postgres.test_what_a_crash_leaves_of_a_restore_goes_with_the_next, long_postgres.CRASHED),
        (on_postgres.test_a_server_that_does_not_run_is_told, on_postgres.GONE),
        (
            long_postgres.test_a_table_that_older_snapshots_find_empty_makes_no_backup,
            long_postgres.REWRITTEN,
        ),
        seen(
            "the server ends the session",
            "backup: while rows are counted",
            "exit 1, nothing is published",
            test_backup.test_a_session_that_the_server_ends_publishes_nothing,
        ),
        (long_postgres.test_a_psql_that_fails_at_the_end_makes_no_backup, long_postgres.SESSIONS),
        (
            long_postgres.test_a_dump_that_pg_restore_does_not_understand_makes_no_backup,
            long_postgres.UNREAD,
        ),
        (long_postgres.test_a_server_whose_disk_is_full_restores_nothing, long_postgres.FULL),
        (on_postgres.test_a_table_that_the_role_may_not_read_makes_no_backup, on_postgres.BLIND),
        seen(
            "row-level security hides rows",
            "backup",
            "exit 1, nothing is published",
            test_backup.test_rows_that_the_role_may_not_see_fail_the_backup,
        ),
        (long_postgres.test_rows_that_are_hidden_fail_the_counting_too, long_postgres.HIDDEN),
        (long_postgres.test_a_pg_dump_older_than_the_server_makes_no_backup, long_postgres.OLDER[:1]),
        (long_postgres.test_a_server_that_is_too_old_is_refused, long_postgres.OLDER[1:]),
        seen(
            "the server is older than the manifest says",
            "restore",
            REFUSED,
            test_restore.test_a_backup_of_a_newer_server_is_refused,
        ),
        (test_needs.test_what_the_server_lacks_is_told_before_anything_is_downloaded, test_needs.LACKS),
        (long_postgres.test_an_extension_that_the_server_lacks_is_told, long_postgres.MISSING),
        seen(
            "a role is missing",
            "restore",
            "created again with its password; existing roles are never altered",
            test_swap.test_missing_roles_are_created_and_existing_ones_never_altered,
        ),
        seen(
            "no container of the service, or two",
            "the start",
            REFUSED,
            test_backup_container.test_no_container_or_two_are_a_failure,
        ),
        (on_postgres.test_a_container_that_is_replaced_halfway_changes_nothing, on_postgres.REPLACED),
        seen(
            "a row has several big values",
            "backup and restore: while rows are counted",
            "counting needs the memory of one of them, and comes after pg_dump",
            test_limits.test_memory_follows_the_biggest_value_and_not_the_biggest_row,
        ),
        seen(
            "a table has a big value",
            "backup",
            "it is counted when pg_dump has ended",
            test_limits.test_a_table_with_big_values_is_counted_when_pg_dump_has_ended,
        ),
        seen(
            "as many tables as the server has locks for",
            "backup and restore",
            "the run ends well where pg_dump does",
            test_limits.test_as_many_tables_as_pg_dump_can_dump_are_counted_too,
        ),
        (
            test_limits.test_more_tables_than_the_server_has_locks_for_are_refused_with_the_setting_to_change,
            test_limits.TOO_MANY,
        ),
        (
            test_meanwhile.test_a_table_is_counted_once_however_what_is_stored_apart_grows_or_shrinks,
            test_meanwhile.MOVES,
        ),
        (test_meanwhile.test_a_swap_waits_for_no_lock_without_end, test_meanwhile.LOCKED),
        (test_meanwhile.test_a_swap_whose_answer_is_lost_is_done_all_the_same, test_meanwhile.LOST),
        seen(
            "the server stops answering while a run is interrupted",
            "backup",
            "the run ends, and says that its sessions could not be ended",
            test_meanwhile.test_a_server_that_answers_no_more_keeps_no_interrupted_run,
        ),
        seen(
            "a manifest that a restore would not read",
            "backup",
            "it is not published",
            test_backup.test_a_manifest_that_no_restore_could_read_is_not_published,
        ),
    ),
    "What is in the database": (
        seen(
            "a generated column whose function has changed",
            "restore",
            "it is computed again, and not compared",
            test_meanwhile.test_a_generated_column_is_computed_anew_and_not_compared,
        ),
        seen(
            "an index whose build failed, a view in pg_catalog, a view that is an extension's",
            "restore",
            "pg_dump leaves it out, and it is not compared",
            test_meanwhile.test_what_pg_dump_leaves_out_is_no_definition,
        ),
        seen(
            "a role of a policy got another password after the backup",
            "restore",
            "the policy is the same",
            test_meanwhile.test_a_password_that_is_changed_after_a_backup_changes_no_policy,
        ),
        seen(
            "another session's temporary table calls a function",
            "restore",
            "it is not compared",
            test_meanwhile.test_a_temporary_object_of_another_session_is_no_definition,
        ),
        seen(
            "a function of the database's owner has the name of one of PostgreSQL's",
            "backup and restore",
            "the program never calls it",
            odd.test_a_function_of_the_owner_is_never_called,
        ),
        seen(
            "a comment on the database looks like SQL",
            "backup and restore",
            "it is text, and comes back",
            odd.test_a_comment_of_the_owner_is_never_run,
        ),
        seen(
            "a role's setting looks like SQL",
            "backup and restore",
            "it is text",
            odd.test_a_setting_of_a_role_is_never_run,
        ),
        seen(
            "a setting that is a list holds SQL between comments",
            "backup, verify and restore",
            "it is the name of a schema that does not exist",
            odd.test_a_setting_that_is_a_list_is_never_run,
        ),
        seen(
            "the owner of a type casts its rows to JSON",
            "backup, verify and restore",
            "the cast is never called",
            odd.test_a_cast_of_the_owner_is_never_called,
        ),
        seen(
            "lists with quotes, commas or spaces, and empty lists",
            "restore",
            "they come back",
            odd.test_lists_that_are_set_for_the_database_come_back,
        ),
        seen(
            "role names and settings with line breaks, quotes, semicolons",
            "restore",
            "missing roles come back with settings, memberships, grants",
            odd.test_roles_of_any_name_and_setting_come_back,
        ),
        (test_refused.test_what_the_server_refuses_bars_no_rows_and_is_listed, test_refused.REFUSED),
        seen(
            "the drill's server refuses a setting of the database",
            "drill",
            "the drill says so, and ends well",
            test_refused.test_a_drill_whose_server_refuses_a_setting_says_so_and_passes,
        ),
        seen(
            "the database is opened as another role",
            "backup and restore",
            "the program's sessions keep the program's role",
            test_parameters.test_a_database_that_is_opened_as_another_role_is_backed_up,
        ),
        seen(
            "a trigger refuses all logins",
            "backup and verify",
            "it does not act on the program",
            test_parameters.test_a_trigger_that_lets_nobody_sign_in_does_not_keep_the_program_out,
        ),
        seen(
            "the database preloads a library that is missing",
            "backup and verify",
            "the program's sessions do not load it",
            test_parameters.test_a_library_that_is_missing_does_not_keep_the_program_out,
        ),
        seen(
            "arrays without null, timeouts, isolation, limits set for the program's role",
            "backup and restore",
            "they change nothing",
            test_parameters.test_a_setting_of_the_programs_role_changes_nothing,
        ),
        seen(
            "any parameter of a session is set for the database and for the role",
            "backup and verify",
            "every session has the program's own",
            test_parameters.test_every_session_of_the_program_has_the_same_parameters,
        ),
        seen(
            "damaged pages, and the database takes them for empty",
            "backup",
            "exit 1, nothing is published",
            test_parameters.test_rows_on_a_damaged_page_are_a_failure_even_where_the_database_takes_them_for_gone,
        ),
        seen(
            "a constraint depends on the database's time zone",
            "restore",
            "it holds for the rows",
            test_parameters.test_a_constraint_that_goes_by_the_databases_time_zone_holds_for_its_rows,
        ),
        seen(
            "timeouts, read-only transactions, a search path, row security set for the database",
            "backup and restore",
            "they change nothing",
            odd.test_settings_of_the_database_change_nothing,
        ),
        seen(
            "dates, intervals, bytes and fractions written in other ways",
            "restore",
            "no checksum differs",
            odd.test_how_a_session_writes_values_changes_no_checksum,
        ),
        seen(
            "the server quotes all names",
            "backup and restore",
            "they are the same names",
            odd.test_names_that_the_server_always_quotes_are_the_same_names,
        ),
        seen(
            "a trigger notes each login",
            "restore",
            "it does not run: no row differs",
            odd.test_a_trigger_at_sign_in_does_not_change_what_is_compared,
        ),
        seen(
            "a subscription",
            "restore",
            "it is left out (see below)",
            odd.test_a_subscription_stays_behind,
        ),
        seen(
            "pg_dump exchanges the fields of rows in a column of an inheriting type",
            "restore",
            "exit 4, the live database is as it was",
            odd.test_a_row_that_comes_back_with_its_fields_exchanged_is_seen,
        ),
        seen(
            "the same, in an array, a domain, a range, a row in a row",
            "backup",
            "the checksums tell them apart",
            odd.test_fields_that_are_exchanged_are_seen_wherever_they_are,
        ),
        seen(
            "values that are equal for their type: 1.0 and 1.00, 0 and -0, 1 month and 30 days",
            "restore",
            "the checksums tell them apart",
            test_fingerprints.test_what_a_type_takes_for_equal_is_told_apart,
        ),
        seen(
            "values that are exchanged between rows or columns",
            "restore",
            "the checksums tell them apart",
            test_fingerprints.test_values_that_are_exchanged_are_told_apart,
        ),
        (test_definitions.test_what_comes_back_defined_otherwise_is_named, test_definitions.OTHERWISE),
        (
            test_definitions.test_who_keeps_going_gets_the_rows_and_a_list_of_what_is_defined_otherwise,
            test_definitions.KEPT,
        ),
        seen(
            "definitions that PostgreSQL writes in another way after it has read them",
            "restore",
            "they are the same",
            test_definitions.test_definitions_of_many_kinds_come_back_equal,
        ),
        seen(
            "the database is a template",
            "restore",
            "the restored database is a template again, and the kept one can be dropped",
            test_definitions.test_a_template_comes_back_as_one_and_old_ones_go,
        ),
        seen(
            "things that no restore can bring back (see below)",
            "verify",
            "exit 1",
            lossy.test_what_no_restore_can_bring_back_fails_the_verification,
        ),
        seen(
            "things that pg_dump leaves out (see below)",
            "backup and verify",
            "neither kept nor counted",
            lossy.test_what_pg_dump_leaves_out_is_not_counted_either,
        ),
        seen(
            "a name that the database's encoding lacks",
            "backup and restore",
            "the run ends well",
            odd.test_a_latin1_database_may_have_a_name_that_latin1_lacks,
        ),
    ),
    "S3 and the role's credentials": (
        (on_s3.test_s3_that_fails_at_a_telling_moment_makes_no_backup_and_no_restore, on_s3.TELLING),
        (long_s3.test_s3_that_fails_makes_no_backup_and_no_restore, long_s3.LASTING),
        (long_s3.test_what_passes_is_tried_again_and_the_backup_is_good, long_s3.PASSING),
        (on_s3.test_a_request_that_fails_once_does_not_make_a_good_backup_a_failure, on_s3.ONCE),
        (long_s3.test_a_removal_that_fails_is_told_and_the_new_backup_stands, long_s3.REMOVAL),
        (long_s3.test_the_manifest_of_an_old_backup_goes_first, long_s3.ORDER),
        (long_s3.test_without_the_roles_credentials_there_is_no_backup, long_s3.METADATA),
        (long_s3.test_the_metadata_service_is_asked_again, long_s3.CREDENTIALS),
        seen(
            "the manifest exists already",
            "backup: the manifest",
            "exit 1, it is never overwritten",
            test_backup.test_a_manifest_that_is_there_is_never_overwritten,
        ),
        (test_parts.test_a_dump_that_is_larger_than_expected_goes_up_in_larger_parts, test_parts.GROWS),
        (test_parts.test_what_s3_cannot_hold_is_refused_before_anything_is_dumped, test_parts.HUGE),
    ),
    "The node: disk, configuration, signals, locks, clock": (
        seen(
            "standard output is full",
            "backup",
            "the backup is complete, and its line is in the log",
            test_backup.test_a_backup_whose_words_nobody_can_read_is_a_backup_all_the_same,
        ),
        (on_node.test_a_node_without_room_makes_nothing_by_halves, on_node.DISKS),
        (on_node.test_a_disk_that_is_filled_meanwhile_does_not_matter, on_node.FILLED),
        (long_node.test_a_state_directory_that_is_gone_is_made_anew, long_node.GONE),
        seen(
            "too little room for the database",
            "restore: the start",
            REFUSED,
            long_restore.test_too_little_room_is_found_before_anything_is_done,
        ),
        seen(
            "too little room for the attachments",
            "restore",
            REFUSED,
            long_restore.test_too_little_room_for_the_attachments_is_found_before_they_come,
        ),
        seen(
            "the configuration is missing",
            "the start",
            CONFIGURATION,
            test_backup_configuration.test_a_missing_configuration,
        ),
        seen(
            "the configuration may not be read",
            "the start",
            CONFIGURATION,
            test_backup_configuration.test_a_configuration_that_may_not_be_read,
        ),
        seen(
            "the configuration is open to others",
            "the start",
            CONFIGURATION,
            test_backup_configuration.test_a_configuration_open_to_others,
        ),
        seen(
            "the configuration is another user's",
            "the start",
            CONFIGURATION,
            test_backup_configuration.test_a_configuration_of_another_user,
        ),
        (of_signals.test_a_run_that_is_terminated_leaves_nothing, of_signals.TERMINATED),
        (of_signals.test_a_signal_that_comes_with_the_last_word_does_not_make_it_a_lie, of_signals.LATE),
        seen(
            "SIGTERM or SIGINT",
            "backup: while rows are counted",
            "exit 143 or 130, nothing is left",
            test_backup.test_an_interrupted_backup_leaves_nothing_behind,
        ),
        seen(
            "SIGTERM",
            "restore: the dump is loaded",
            "exit 143, nothing is left",
            test_swap.test_an_interrupted_restore_leaves_nothing_behind,
        ),
        seen(
            "SIGTERM or SIGINT",
            "restore: the swap",
            "the swap is done to its end",
            test_swap.test_a_signal_does_not_stop_the_swap_halfway,
        ),
        (long_signals.test_after_a_kill_the_latest_backup_is_the_one_before, long_signals.KILLED),
        (long_signals.test_what_a_killed_program_has_started_ends_by_itself, long_signals.FORKED),
        seen(
            "SIGKILL of the program alone",
            "restore: the swap of the attachments",
            "no backup and no restore until the live attachments are put back, as the alert says",
            test_swap.test_what_a_killed_swap_left_is_neither_backed_up_nor_restored_over,
        ),
        seen(
            "SIGKILL of the program alone",
            "backup: while rows are counted",
            "the programs that it started hold the lock until they end; nothing is published",
            test_backup.test_after_a_kill_nothing_was_published_and_the_next_backup_works,
        ),
        (long_node.test_a_lock_that_nobody_holds_does_not_stop_a_backup, long_node.STALE),
        seen(
            "a folder in the state directory has a name like a run's",
            "backup",
            "it stays, and the log names it",
            test_marks.test_only_what_a_killed_run_marked_goes_from_the_state_directory,
        ),
        seen(
            "two runs at once",
            "backup",
            "one wins, the other ends with exit 1",
            test_backup.test_of_two_backups_at_once_one_wins_and_the_other_says_so,
        ),
        seen("a restore runs", "backup", REFUSED, test_backup.test_a_backup_during_a_restore_is_refused),
        (on_node.test_a_restore_during_a_backup_is_refused, on_node.BUSY),
        seen(
            "the clock is set back",
            "backup",
            "a warning; the new backup is still the latest",
            test_backup.test_a_clock_set_back_does_not_make_an_old_backup_the_latest,
        ),
        (long_node.test_of_two_backups_in_one_second_the_later_is_the_latest, long_node.SECONDS),
        seen(
            "the clock said the year 9999 once, or a name bears February 31st",
            "backup",
            "exit 1, the alert says which key to remove",
            test_retention.test_nothing_is_backed_up_behind_a_key_that_no_name_can_follow,
        ),
    ),
    "Notifications": (
        (
            test_notifications.test_notifications_that_fail_are_said_in_a_line_and_change_nothing,
            test_notifications.FAILING,
        ),
        (test_notifications.test_notifications_take_no_longer_than_they_may, test_notifications.SLOW),
        (
            test_notifications.test_what_a_library_prints_about_an_address_is_shown_nowhere,
            test_notifications.CHATTY,
        ),
        seen(
            "a backup fails",
            "its end",
            "a message by Apprise and a ping with /fail; no password in a log, an argument or an environment",
            test_notifications.test_a_bad_backup_is_told_and_pings_that_it_failed,
        ),
        seen(
            "the configuration is wrong",
            "the start",
            "a message and a ping, as for any failure",
            test_notifications.test_a_configuration_that_is_wrong_is_told_too,
        ),
        seen(
            "the newest backup is too old",
            "the check of its age",
            "a message by Apprise at each check, never a ping",
            test_notifications.test_each_look_at_a_backup_that_is_too_old_is_told,
        ),
    ),
    "What is in the bucket": (
        (long_objects.test_an_object_that_was_changed_is_not_restored, long_objects.CHANGED),
        seen("an object is missing", "restore", REFUSED, test_restore.test_a_missing_dump_is_refused),
        (long_objects.test_a_dump_of_another_database_is_not_restored, long_objects.SWAPPED),
        (long_objects.test_a_manifest_that_lacks_what_is_needed_is_refused, long_objects.WRONG),
        (long_objects.test_a_manifest_is_never_sql, long_objects.QUOTED),
        seen(
            "the manifest has a newer format",
            "restore",
            REFUSED,
            test_restore.test_a_manifest_of_a_newer_format_is_refused,
        ),
        seen(
            "the manifest is not JSON",
            "restore",
            REFUSED,
            test_restore.test_a_manifest_that_is_not_json_is_refused,
        ),
        seen(
            "the manifest is another database's",
            "restore",
            REFUSED,
            test_restore.test_a_manifest_of_another_database_is_refused,
        ),
        seen(
            "a command in the manifest",
            "restore",
            "refused, never run",
            long_restore.test_what_a_manifest_says_is_never_run,
        ),
        seen(
            "a backup that an earlier version compressed with gzip",
            "restore",
            "it comes back",
            test_backup.test_a_backup_that_gzip_compressed_comes_back,
        ),
        seen(
            "a name or a value in the globals ends its quotes, and goes on with SQL and psql's commands",
            "verify and restore",
            "it is text, and never run",
            test_globals.test_no_text_in_the_globals_is_run,
        ),
        seen(
            "globals that are not what a backup writes",
            "restore",
            "they cannot be understood; nothing was touched",
            test_globals.test_globals_that_cannot_be_understood_are_refused,
        ),
        seen(
            "globals of format 1: names, settings and comments look like other SQL",
            "restore",
            "they are told apart, and restored",
            test_globals.test_odd_roles_and_settings_of_format_1_come_back,
        ),
        seen(
            "globals of format 1: a command of psql",
            "restore",
            "refused, never run",
            test_globals.test_globals_get_no_shell_from_psql,
        ),
        seen(
            "the newest backup is unfinished",
            "restore",
            "the newest complete one is taken",
            test_restore.test_an_unfinished_backup_is_not_the_latest,
        ),
        seen(
            "a key like a backup's without a valid time",
            "backup and restore",
            "it is not a backup, and stays",
            test_retention.test_a_key_that_bears_no_time_is_no_backup,
        ),
        seen(
            "more than 1,000 keys",
            "restore",
            "all are seen",
            test_retention.test_more_than_a_thousand_keys_are_all_seen,
        ),
        seen(
            "a database's name begins like another's",
            "restore",
            "its backups are never taken",
            test_restore.test_a_name_that_begins_like_another_is_another_database,
        ),
    ),
    "Restore": (
        (
            test_keep_going.test_objects_that_cannot_be_built_fail_a_restore_which_names_them,
            test_keep_going.DEFAULT,
        ),
        (
            test_keep_going.test_who_keeps_going_gets_the_rows_and_a_list_of_what_is_missing,
            test_keep_going.KEPT,
        ),
        (test_keep_going.test_nobody_keeps_going_when_more_went_wrong, test_keep_going.MORE),
        (
            test_prepared.test_a_prepared_transaction_is_told_before_anything_is_restored,
            test_prepared.PREPARED,
        ),
        seen(
            "a role that was made for a verification is altered meanwhile",
            "verify: the end",
            "it stays, and the log names it",
            test_refused.test_a_role_that_somebody_altered_meanwhile_stays,
        ),
        (long_postgres.test_a_verifier_that_cannot_run_verifies_nothing, long_postgres.VERIFIERS),
        seen(
            "the restored data differ",
            "restore: the comparison",
            "exit 4, the live database is as it was",
            test_restore.test_a_restore_that_differs_is_seen_and_the_live_database_stays,
        ),
        (test_definitions.test_attachments_that_come_back_otherwise_are_seen, test_definitions.FILES),
        seen(
            "the attachments are not those of the manifest",
            "verify",
            "exit 4",
            test_definitions.test_attachments_are_counted_by_a_verification_too,
        ),
        seen(
            "another version of pg_dump wrote the definitions",
            "verify",
            "they are not compared, and the log says so",
            test_definitions.test_definitions_that_another_pg_dump_wrote_are_not_compared,
        ),
        seen(
            "there is nothing to verify",
            "restore: the listing",
            REFUSED,
            test_restore.test_nothing_to_verify_is_a_failure,
        ),
        seen(
            "clients reconnect all the time",
            "restore: the swap",
            "the swap is done nevertheless",
            test_swap.test_clients_that_reconnect_all_the_time_do_not_stop_the_swap,
        ),
        seen(
            "SIGKILL before the databases are renamed",
            "restore: the swap",
            "nothing is swapped; the loop that ends other sessions stops",
            test_swap.test_when_a_swap_is_killed_others_sessions_are_not_ended_for_ever,
        ),
        seen(
            "the target is not empty, and a killed run left a scratch database",
            "restore",
            "the live one is kept aside, the scratch one dropped",
            test_swap.test_the_live_database_is_kept_until_the_next_restore,
        ),
        seen(
            "databases and folders are called like those that a restore left, copied or renamed",
            "restore",
            "they stay, and the log names them",
            test_marks.test_databases_and_folders_of_the_users_own_survive_a_restore,
        ),
        seen(
            "a database is called like a scratch one",
            "verify",
            "it stays, and the log names it",
            test_marks.test_a_database_of_the_users_own_survives_a_verification,
        ),
        seen(
            "a database or a folder has a name that is needed",
            "restore: the start",
            REFUSED,
            test_marks.test_a_restore_that_needs_a_name_of_somebody_else_touches_nothing,
        ),
        seen(
            "the scratch database was made, and cannot be marked",
            "verify",
            "exit 1; it stays, and the log has the command that drops it",
            test_marks.test_a_database_that_was_not_marked_yet_stays_and_is_named_with_the_command,
        ),
        seen(
            "what was kept is renamed, and live again",
            "backup, verify and restore",
            "it is kept again; no live database or folder bears its old mark",
            test_marks.test_what_was_live_and_is_live_again_is_never_taken_for_ours,
        ),
        seen(
            "a missing role is made by somebody else at the same time",
            "verify",
            "exit 1; that role stays",
            test_marks.test_a_role_that_somebody_else_made_meanwhile_stays,
        ),
        seen(
            "the swap of the databases fails",
            "restore: the swap",
            "exit 1, nothing live has changed",
            test_swap.test_a_swap_that_fails_leaves_the_live_database,
        ),
        seen(
            "the swap of the attachments fails",
            "restore: the swap",
            "exit 1, nothing live has changed",
            test_swap.test_attachments_that_cannot_be_swapped_leave_all_that_is_live,
        ),
        seen(
            "a name with spaces, quotes, capitals, hyphens, unicode",
            "backup and restore",
            "the run ends well",
            test_restore.test_a_database_may_have_any_name,
        ),
    ),
    "Retention": (
        seen(
            "days without a backup",
            "removal",
            "they do not count: the last good ones stay",
            test_retention.test_days_without_a_backup_do_not_count,
        ),
        seen(
            "a backup failed",
            "removal",
            "nothing is removed",
            test_retention.test_a_failed_backup_removes_nothing,
        ),
        seen(
            "the newest verified backup is old",
            "removal",
            "it stays",
            test_retention.test_the_newest_verified_backup_stays_however_old,
        ),
        seen(
            "other databases, and files of others",
            "removal",
            "they stay",
            test_retention.test_nothing_else_in_the_bucket_is_touched,
        ),
        seen(
            "files of others beside those of a backup",
            "removal",
            "they stay",
            test_retention.test_what_somebody_keeps_in_the_folder_of_a_backup_stays_there,
        ),
    ),
}
