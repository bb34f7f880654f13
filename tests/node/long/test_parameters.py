"""The parameters of the program's sessions: no default of the server, the database or the role decides."""

import subprocess
from pathlib import Path

import pytest

from quickdata_node.parameters import as_options, known
from tests.node.long.test_odd_databases import survives
from tests.support.backup_node import Node

EVERYTHING = """
create table kinds as select '{null,a}'::text[] as list, 12.5::money as price, interval '-1 day 2:03' as long,
  now() as written, 'ab'::bytea as raw, 1 / 7.0::float8 as part;
create table empty (a text default E'it''s \\\\ so'); create view seen as select list from kinds;
create materialized view kept as select * from seen;
"""
LEFT = (
    "Client Connection Defaults / Other Defaults",
    "Connections and Authentication / ",
    "Customized Options",
    "Developer Options",
    "Lock Management",
    "Query Tuning / ",
    "Replication / ",
    "Reporting and Logging / ",
    "Resource Usage / ",
    "Statistics / ",
    "Vacuuming / ",
    "Write-Ahead Log / ",
)
"""Groups of parameters that decide how fast or how loud, but for those of them that are set all the same."""
KNOWN = {
    "allow_alter_system": "changes nothing in a session",
    "check_function_bodies": "in the dump",
    "client_encoding": "PGCLIENTENCODING",
    "client_min_messages": "how loud",
    "createrole_self_grant": "of no superuser",
    "default_text_search_config": "the database's own meaning",
    "default_toast_compression": "how small",
    "icu_validation_level": "how loud",
    "lc_numeric": "the database's own meaning",
    "lc_time": "the database's own meaning",
    "lo_compat_privileges": "of no superuser",
    "TimeZone": "the database's own meaning",
    "timezone_abbreviations": "a dump writes numbers",
    "escape_string_warning": "how loud",
    "synchronize_seqscans": "in which order",
    "gin_pending_list_limit": "how fast",
    "transaction_deferrable": "default_transaction_deferrable",
    "transaction_isolation": "default_transaction_isolation",
    "transaction_read_only": "default_transaction_read_only",
}


def test_a_database_that_is_opened_as_another_role_is_backed_up(node: Node) -> None:
    node.create()
    node.sql(f"create role blind_{node.token}; alter database {node.database} set role = blind_{node.token}")
    survives(node)
    owner = "select distinct tableowner from pg_tables where schemaname = 'public'"
    assert node.server.psql(owner, node.database) == node.server.user


def test_a_trigger_that_lets_nobody_sign_in_does_not_keep_the_program_out(node: Node) -> None:
    node.create()
    node.sql(
        "create function refuse() returns event_trigger language plpgsql as $$begin raise 'nobody'; end$$;"
        "create event trigger refuse on login execute function refuse()"
    )
    assert node.backup().code == 0
    assert node.restore("--verify").json["mismatches"] == 0


@pytest.mark.parametrize("setting", ["session_preload_libraries", "local_preload_libraries"])
def test_a_library_that_is_missing_does_not_keep_the_program_out(node: Node, setting: str) -> None:
    node.create()
    node.server.psql(f"alter database {node.database} set {setting} = 'nowhere'")
    try:
        assert node.backup().code == 0
        assert node.restore("--verify").json["mismatches"] == 0
    finally:
        node.server.psql(f"alter database {node.database} reset {setting}")


@pytest.mark.parametrize(
    "setting",
    [
        "array_nulls = off",
        "default_transaction_read_only = on",
        "default_transaction_isolation = serializable",
        "restrict_nonsystem_relation_kind = 'view'",
        "standard_conforming_strings = off",
        "lock_timeout = '1ms'",
        "xmloption = document",
        "temp_file_limit = 0",
    ],
)
def test_a_setting_of_the_programs_role_changes_nothing(node: Node, superuser: str, setting: str) -> None:
    node.create(EVERYTHING)
    node.server.psql(f"alter role {superuser} set {setting}")
    before = node.content()
    survives(node)
    assert node.content() == before


PROGRAMS = ("psql", "pg_dump", "pg_restore")
HOSTILE = (
    *("datestyle = 'German, DMY'", "intervalstyle = sql_standard", "bytea_output = escape"),
    *("extra_float_digits = '-15'", "lc_monetary = 'POSIX'", "xmlbinary = hex", "xmloption = document"),
    *("array_nulls = off", "standard_conforming_strings = off", "backslash_quote = on"),
    *("transform_null_equals = on", "row_security = on", "default_transaction_read_only = on"),
    *("default_transaction_deferrable = on", "default_transaction_isolation = serializable"),
    *("exit_on_error = on", "statement_timeout = '1h'", "lock_timeout = '1h'", "transaction_timeout = '1h'"),
    *("idle_in_transaction_session_timeout = '1h'", "idle_session_timeout = '1h'"),
    *("default_tablespace = 'pg_global'", "temp_tablespaces = 'pg_default'", "quote_all_identifiers = on"),
    *(
        "search_path = nowhere",
        "local_preload_libraries = 'nowhere'",
        "session_preload_libraries = 'nowhere'",
    ),
    *("restrict_nonsystem_relation_kind = 'view'", "event_triggers = on", "temp_file_limit = 9999"),
    *("session_replication_role = replica", "zero_damaged_pages = on", "ignore_checksum_failure = on"),
    *("role = pg_monitor", "lc_messages = 'POSIX'"),
)
"""For each parameter that is set, another value than ours, where there is one that any server knows."""


def test_every_session_of_the_program_has_the_same_parameters(node: Node, superuser: str) -> None:
    ours = known(180000, superuser=True)
    names = ", ".join(f"'{name}'" for name in ours if name != "role")
    query = f"select name, setting from pg_settings where lower(name) in ({names}) order by 1"
    ask = f'{node.server.bin}/psql -XqAt -d {node.database} -c "{query}" -c "show role" </dev/null'
    seen = node.directory / "seen"
    seen.mkdir()
    for program in PROGRAMS:
        node.replace(program, f'{ask} >"$(mktemp {seen}/{program}.XXXXXX)"; exec "$REAL" "$@"')
    node.create()
    for setting in HOSTILE:
        node.server.psql(
            f"alter role {superuser} set {setting}; alter database {node.database} set {setting}"
        )
    assert {setting.partition(" = ")[0] for setting in HOSTILE} >= set(ours) - {"default_table_access_method"}
    assert node.backup().code == 0
    assert node.restore("--verify").code == 0
    environment = {**node.server.environment, "PGOPTIONS": as_options(ours)}
    wanted = subprocess.run(
        [str(node.server.bin / "psql"), "-XqAt", "-d", "postgres", "-c", query, "-c", "show role"],
        env=environment,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    sessions = {(file.stem, file.read_text()) for file in seen.iterdir()}
    assert sessions == {(program, wanted) for program in PROGRAMS}


def test_every_parameter_of_postgresql_is_set_or_left_for_a_reason(node: Node) -> None:
    contexts = "'user', 'superuser', 'backend', 'superuser-backend'"
    listed = node.server.psql(f"select name, category from pg_settings where context in ({contexts})")
    ours = {name.lower() for name in known(180000, superuser=True)}
    groups = dict(line.split("|", 1) for line in listed.splitlines())
    unknown = [
        name
        for name, group in groups.items()
        if name.lower() not in ours and name not in KNOWN and not group.startswith(LEFT)
    ]
    assert unknown == []
    assert len(groups) > 150


def test_rows_on_a_damaged_page_are_a_failure_even_where_the_database_takes_them_for_gone(node: Node) -> None:
    node.create("select")
    origin = f"origin_{node.token}"
    node.server.psql(f"create database {origin}")
    node.server.psql("create table many as select generate_series(1, 10000) as n", origin)
    node.server.psql(f"drop database {node.database}")
    node.server.psql(f"create database {node.database} template {origin} strategy file_copy")
    where = "select setting || '/' || {} from pg_settings where name = 'data_directory'"
    relation = node.server.psql("select pg_relation_filenode('many')", origin)
    number = f"(select oid from pg_database where datname = '{node.database}')"
    folder = Path(node.server.psql(where.format(f"'base/' || {number}")))
    with (folder / relation).open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 8192)
    for setting in ("zero_damaged_pages", "ignore_checksum_failure"):
        node.server.psql(f"alter database {node.database} set {setting} = on")
    done = node.backup()
    assert (done.code, "invalid page in block 1" in done.log) == (1, True)
    assert node.backups() == []


def test_a_constraint_that_goes_by_the_databases_time_zone_holds_for_its_rows(node: Node) -> None:
    node.create("select")
    node.sql(f"alter database {node.database} set timezone = 'Asia/Tokyo'")
    node.sql(
        "create table days (at timestamptz, day date, check (at::date = day));"
        "insert into days select '2026-01-01 23:00+00', '2026-01-02';"
        "create materialized view seen as select at::date as day from days"
    )
    survives(node)
    assert node.sql("select day from seen") == "2026-01-02"
