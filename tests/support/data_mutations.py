"""Guards against what may be in a database or in the bucket: `make test-faults` takes each out."""

from collections.abc import Callable

from tests.node import test_backup, test_fingerprints
from tests.node.long import (
    test_definitions,
    test_globals,
    test_limits,
    test_marks,
    test_odd_databases,
    test_parameters,
    test_refused,
    test_retention,
    test_swap,
)
from tests.node.long import test_faults_postgres as long_postgres
from tests.node.long import test_restore as long_restore
from tests.support.mutation import Mutation

WHEREVER = test_odd_databases.test_fields_that_are_exchanged_are_seen_wherever_they_are
WRITING = test_odd_databases.test_how_a_session_writes_values_changes_no_checksum
SETTINGS = test_odd_databases.test_settings_of_the_database_change_nothing
OLD_ROLES = test_globals.test_odd_roles_and_settings_of_format_1_come_back
ROLES = test_odd_databases.test_roles_of_any_name_and_setting_come_back
KILLED_SWAP = test_swap.test_what_a_killed_swap_left_is_neither_backed_up_nor_restored_over
SCRATCH = test_marks.test_a_database_of_the_users_own_survives_a_verification
OWN = test_marks.test_databases_and_folders_of_the_users_own_survive_a_restore
OF_ROLE = test_parameters.test_a_setting_of_the_programs_role_changes_nothing
PARAMETERS = test_parameters.test_every_session_of_the_program_has_the_same_parameters
REFUSED = test_refused.test_what_the_server_refuses_bars_no_rows_and_is_listed
LIVE_AGAIN = test_marks.test_what_was_live_and_is_live_again_is_never_taken_for_ours
TAKEN = test_marks.test_a_restore_that_needs_a_name_of_somebody_else_touches_nothing
KEPT_THERE = test_retention.test_what_somebody_keeps_in_the_folder_of_a_backup_stays_there
EQUAL = test_fingerprints.test_what_a_type_takes_for_equal_is_told_apart
EXCHANGED = test_fingerprints.test_values_that_are_exchanged_are_told_apart
ONE_NAN = test_fingerprints.test_a_dump_knows_one_nan_and_so_does_the_checksum
DEFINED = test_definitions.test_what_comes_back_defined_otherwise_is_named
KINDS = test_definitions.test_definitions_of_many_kinds_come_back_equal
TEMPLATE = test_definitions.test_a_template_comes_back_as_one_and_old_ones_go
LAST = test_retention.test_nothing_is_backed_up_behind_a_key_that_no_name_can_follow


def session(guard: str, name: str, value: str, test: Callable[..., None], given: str = "") -> Mutation:
    """A parameter of all the program's sessions."""
    own, another = f'"{name}": "{value}"', f'"{name}": None'
    return Mutation(guard, "parameters.py", own, another, test, {"setting": given} if given else {})


DATA_MUTATIONS = (
    *(
        session(f"values are written the same: {what}", name, value, WRITING)
        for what, name, value in (
            ("dates", "datestyle", "ISO,YMD"),
            ("intervals", "intervalstyle", "postgres"),
            ("bytes", "bytea_output", "hex"),
            ("fractions", "extra_float_digits", "1"),
        )
    ),
    Mutation(
        "values are written the same: time zones",
        "counting.sql",
        "set local timezone = 'UTC';\n",
        "",
        WRITING,
    ),
    Mutation(
        "the tables' locks",
        "counting.sql",
        " in access share mode', n.nspname, c.relname) from :tables and c.relkind = 'r' \\gexec",
        "', n.nspname, c.relname) from :tables and c.relkind = 'none' \\gexec",
        test_backup.test_a_table_cannot_be_emptied_between_its_dump_and_its_counting,
    ),
    Mutation(
        "fields with their names",
        "tables.sql",
        "columns, fields)",
        "columns, 0)",
        test_odd_databases.test_a_row_that_comes_back_with_its_fields_exchanged_is_seen,
    ),
    *(
        Mutation(f"fields wherever they are: {column}", "tables.sql", part, "0", WHEREVER, {"column": column})
        for column, part in (
            ("pair[]", "y.typelem"),
            ("known", "y.typbasetype"),
            ("reach", "r.rngsubtype"),
            ("outer_pair", "a.atttypid"),
        )
    ),
    *(
        Mutation(guard, "checksums_2.sql", text, instead, test, {"version": 2})
        for guard, text, instead, test in (
            (
                "numbers as bytes",
                "hashbyteaextended(record_send(row(%s)), 0)",
                "hash_record_extended(row(%s), 0)",
                EXCHANGED,
            ),
            ("values as they are written", 'hashtextextended(concat(t.%1$I) collate "C", 0)', "0", EQUAL),
            ("a null is not a row of nulls", "is distinct from null", "is not null", EQUAL),
            ("one NaN", "case t.%1$I::float8 when", "case null::float8 when", ONE_NAN),
        )
    ),
    Mutation(
        "locks of indexes are released",
        "tables.sql",
        ", 'rollback to savepoint counted'",
        "",
        test_limits.test_as_many_tables_as_pg_dump_can_dump_are_counted_too,
    ),
    Mutation(
        "big values after pg_dump",
        "fingerprints.py",
        "> 1048576",
        "> 1e18",
        test_limits.test_a_table_with_big_values_is_counted_when_pg_dump_has_ended,
    ),
    Mutation(
        "calls of objects are compared",
        "definitions.py",
        "    return found | calls\n",
        "    return found\n",
        DEFINED,
        {"case": test_definitions.OTHERWISE[0]},
    ),
    Mutation(
        "definitions are compared",
        "restore.py",
        "    compare_definitions(restore)\n",
        "",
        DEFINED,
        {"case": test_definitions.OTHERWISE[0]},
    ),
    *(
        Mutation(
            f"what a restore writes otherwise: {what}",
            "definitions.py",
            text,
            instead,
            KINDS,
        )
        for what, text, instead in (
            ("casts", 'CAST.sub("", text)', "text"),
            ("columns of children", '"\\nINHERITS (" in text or ', ""),
        )
    ),
    Mutation("definitions in one time zone", "definitions.py", '{"timezone": "UTC"}', "{}", KINDS),
    Mutation(
        "the program that checks the dump has ended well",
        "witness.py",
        "        if code := self._child.wait():\n",
        "        if (code := self._child.wait()) is None:\n",
        long_postgres.test_a_dump_that_pg_restore_does_not_understand_makes_no_backup,
        {"case": long_postgres.UNREAD[1]},
    ),
    Mutation(
        "files are counted",
        "proof.py",
        " and actual != expected:",
        " and False:",
        test_definitions.test_attachments_that_come_back_otherwise_are_seen,
        {"case": test_definitions.FILES[0]},
    ),
    Mutation(
        "a template",
        "swap.py",
        "select format('alter database %I is_template %s', :'live', :'template') \\\\gexec\n",
        "",
        TEMPLATE,
    ),
    Mutation(
        "a template can be dropped",
        "databases.py",
        " and {MARKED} and datistemplate ",
        " and false ",
        TEMPLATE,
    ),
    Mutation(
        "no table in another file",
        "counting.sql",
        "\\quit\n",
        "",
        long_postgres.test_a_table_that_older_snapshots_find_empty_makes_no_backup,
        {"case": long_postgres.REWRITTEN[0]},
    ),
    Mutation(
        "each element of a list is a literal",
        "globals_data.py",
        'map(literal, elements(each["value"]))',
        'elements(each["value"])',
        test_odd_databases.test_a_setting_that_is_a_list_is_never_run,
    ),
    session(
        "no function but PostgreSQL's",
        "search_path",
        "pg_catalog",
        PARAMETERS,
    ),
    session("no timeout of the database", "statement_timeout", "0", SETTINGS, "statement_timeout = '1ms'"),
    session("nulls in arrays", "array_nulls", "on", OF_ROLE, "array_nulls = off"),
    session("the database's own tablespace", "default_tablespace", "", PARAMETERS),
    session("money", "lc_monetary", "C", PARAMETERS),
    session(
        "the role that logged in",
        "role",
        "none",
        test_parameters.test_a_database_that_is_opened_as_another_role_is_backed_up,
    ),
    *(
        session(
            f"no library of the database: {name}",
            name,
            "",
            test_parameters.test_a_library_that_is_missing_does_not_keep_the_program_out,
            name,
        )
        for name in ("session_preload_libraries", "local_preload_libraries")
    ),
    session(
        "rows on damaged pages",
        "zero_damaged_pages",
        "off",
        test_parameters.test_rows_on_a_damaged_page_are_a_failure_even_where_the_database_takes_them_for_gone,
    ),
    Mutation(
        "settings that constraints depend on come first",
        "restore.py",
        "    set_up(restore, restore.globals.first)\n",
        "",
        test_parameters.test_a_constraint_that_goes_by_the_databases_time_zone_holds_for_its_rows,
    ),
    session(
        "names quoted only when they must be",
        "quote_all_identifiers",
        "off",
        PARAMETERS,
    ),
    session(
        "no login trigger",
        "event_triggers",
        "off",
        test_parameters.test_a_trigger_that_lets_nobody_sign_in_does_not_keep_the_program_out,
    ),
    Mutation(
        "no subscription",
        "load.py",
        '        "--no-subscriptions",\n',
        "",
        test_odd_databases.test_a_subscription_stays_behind,
    ),
    Mutation(
        "a value ends where it ends",
        "statements.py",
        """.replace("'", "''")""",
        "",
        test_odd_databases.test_a_comment_of_the_owner_is_never_run,
    ),
    Mutation("a name ends where it ends", "statements.py", """.replace('"', '""')""", "", ROLES),
    Mutation(
        "format 1: no mark within a text",
        "old_globals.py",
        "        if not statement:\n",
        "        if True:\n",
        OLD_ROLES,
    ),
    Mutation(
        "format 1: statements of several lines",
        "old_globals.py",
        "if WHOLE.fullmatch(statement) or",
        'if line.endswith(";\\n") or',
        OLD_ROLES,
    ),
    Mutation(
        "format 1: statements that cannot be split",
        "old_globals.py",
        "    if statement:\n        raise ValueError(statement)\n",
        "",
        test_globals.test_globals_get_no_shell_from_psql,
        {"forged": "CREATE ROLE {role};\nALTER ROLE {role} NOLOGIN; {shell}\n-- quickdata: create"},
    ),
    Mutation(
        "format 1: a membership, whoever granted it",
        "old_globals.py",
        'GRANTOR.sub(";\\n", statement) if granted else ""',
        '""',
        OLD_ROLES,
    ),
    Mutation(
        "an object is read to its end",
        "streams.py",
        "        source.drain()\n",
        "",
        long_restore.test_a_restore_that_gives_up_early_is_not_called_damage,
    ),
    Mutation(
        "missing roles",
        "roles.py",
        "    if not new:\n        return []\n",
        "    return []\n",
        test_swap.test_a_missing_role_comes_back_with_its_password,
    ),
    Mutation(
        "roles are tried by a verification",
        "roles.py",
        "{one_by_one(rest)}",
        "{one_by_one([] if verify else rest)}",
        REFUSED,
        {"case": test_refused.REFUSED[1]},
    ),
    Mutation(
        "a membership, whoever granted it",
        "globals_data.py",
        ', words, f"{sql};\\n")',
        ", words)",
        REFUSED,
        {"case": test_refused.REFUSED[2]},
    ),
    Mutation(
        "a refused statement does not stop the others",
        "statements.py",
        "\\\\set ON_ERROR_STOP off\\n",
        "",
        REFUSED,
        {"case": test_refused.REFUSED[0]},
    ),
    *(
        Mutation(f"only what bears a mark goes: {what}", module, text, instead, test)
        for what, module, text, instead, test in (
            ("databases", "databases.py", " and {MARKED} \\\\gexec", " \\\\gexec", SCRATCH),
            ("folders", "marks.py", "        if is_marked(folder):\n", "        if folder.exists():\n", OWN),
            (
                "a database's name",
                "marks.py",
                "setting = format('quickdata.mark=%s %s', datname, d.oid)",
                "starts_with(setting, 'quickdata.mark=')",
                OWN,
            ),
            ("a folder's name", "marks.py", " == folder.name\n", " != ''\n", OWN),
            (
                "roles",
                "roles.py",
                " and format('%s %s', oid, xmin) = '{}'",
                "",
                test_refused.test_a_role_that_somebody_altered_meanwhile_stays,
            ),
            (
                "files of a backup",
                "names.py",
                "if each == name and FILES.fullmatch(rest)]",
                "if each == name]",
                KEPT_THERE,
            ),
        )
    ),
    *(
        Mutation(f"a mark is in nothing that is live: {what}", module, text, "", LIVE_AGAIN)
        for what, module, text in (
            ("settings", "database.sql", " and name <> 'quickdata.mark'"),
            ("archives", "attachments.py", '        f"--exclude=./{MARK}",\n'),
            (
                "the swap",
                "swap.py",
                "select format('alter database %I reset quickdata.mark', :'live') \\\\gexec\n",
            ),
        )
    ),
    Mutation(
        "a database's name that is taken",
        "databases.py",
        "    if taken:\n",
        "    if False:\n",
        TAKEN,
        {"kind": "before"},
    ),
    Mutation(
        "a folder's name that is taken",
        "attachments.py",
        "if folder.exists() and not is_marked(folder):",
        "if False:",
        TAKEN,
        {"kind": "before"},
    ),
    Mutation(
        "a swap that was killed",
        "attachments.py",
        "    require_nothing_aside(live)\n    return sum",
        "    return sum",
        KILLED_SWAP,
        {"move": 1},
    ),
    Mutation(
        "files that a killed restore unpacked",
        "target.py",
        '        remove_folders(attachments.find_marked(live, "restore"), server.run.log)\n',
        "",
        KILLED_SWAP,
        {"move": 1},
    ),
    Mutation(
        "a last name",
        "names.py",
        "    if name.startswith(LAST_YEAR):\n        raise ValueError(name)\n",
        "",
        LAST,
        {"odd": "99991231T235959Z-00000000"},
    ),
    Mutation(
        "names that have a time",
        "names.py",
        "[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])T",
        "[0-9]{8}T",
        test_retention.test_a_key_that_bears_no_time_is_no_backup,
        {"odd": "20261399T000000Z-00000000"},
    ),
    Mutation(
        "a day of the calendar",
        "retention.py",
        "return names.time_of(name).isocalendar()[:2]\n    except ValueError:\n",
        "return names.time_of(name).isocalendar()[:2]\n    except ValueError:\n        return (0, 0)\n",
        test_retention.test_a_key_of_no_day_is_named_when_the_days_are_counted,
    ),
)
