"""What a database, its owner and its settings can do to a backup and to a restore."""

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import identifier


def survives(node: Node) -> None:
    """It is backed up, verified and restored."""
    assert node.backup().code == 0
    assert node.restore("--verify").json["mismatches"] == 0
    assert node.restore().json["mismatches"] == 0


def became_superuser(node: Node, role: str) -> bool:
    return node.server.psql(f"select rolsuper from pg_roles where rolname = '{role}'") == "t"


# --- the owner of a database is no superuser, and the scripts' sessions are one's ---


def test_a_function_of_the_owner_is_never_called(node: Node, owner: str) -> None:
    become = f"begin alter role {owner} superuser; return pg_catalog.format($1, $2, $3, $4, $5); end"
    arguments = "text, name, text, text, text"  # closer to what is called than PostgreSQL's own
    node.sql(
        f"set session authorization {owner};"
        f"create function public.format({arguments}) returns text language plpgsql as $${become}$$"
    )
    survives(node)
    assert not became_superuser(node, owner)


def test_a_comment_of_the_owner_is_never_run(node: Node, owner: str) -> None:
    comment = rf"E'x\';\n-- quickdata: create\nalter role {owner} superuser; --'"
    node.sql(f"set session authorization {owner}; comment on database {node.database} is {comment}")
    survives(node)
    assert not became_superuser(node, owner)
    said = node.sql(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
    )
    assert said.splitlines()[1:] == ["-- quickdata: create", f"alter role {owner} superuser; --"]


def test_a_setting_of_a_role_is_never_run(node: Node, owner: str) -> None:
    value = rf"E'\nCREATE ROLE more_{node.token}; ALTER ROLE {owner} SUPERUSER;\n'"
    node.sql(f"set session authorization {owner};\nalter role {owner} set application_name = {value}")
    survives(node)
    assert not became_superuser(node, owner)
    assert node.server.psql(f"select count(*) from pg_roles where rolname = 'more_{node.token}'") == "0"


def test_a_setting_that_is_a_list_is_never_run(node: Node, owner: str) -> None:
    node.server.psql(f"alter role {owner} login")
    value = f"public/*''*/;alter/**/role/**/{owner}/**/superuser/*''*/"
    node.sql(
        f"set session authorization {owner};\nselect set_config('search_path', '{value}', false);"
        f"alter role {owner} in database {node.database} set search_path from current"
    )
    survives(node)
    assert not became_superuser(node, owner)


def test_a_cast_of_the_owner_is_never_called(node: Node, owner: str) -> None:
    become = f"begin alter role {owner} superuser; return '1'; end"
    node.sql(
        f"set session authorization {owner}; create schema own; create type own.pair as (a int, b int);"
        "create table own.pairs as select row(1, 2)::own.pair as pair;"
        f"create function own.become(own.pair) returns json language plpgsql as $${become}$$;"
        "create cast (own.pair as json) with function own.become(own.pair)"
    )
    survives(node)
    assert not became_superuser(node, owner)


# --- roles ---


@pytest.mark.parametrize("action", ["--verify", ""])
def test_roles_of_any_name_and_setting_come_back(node: Node, action: str) -> None:
    names = (f'one"\n{node.token}', f"two ' TO {node.token}", f"select_{node.token};")
    one, two, three = (identifier(name) for name in names)
    node.create()
    node.sql(
        f"create role {one} login password 'x'; create role {two}; create role {three};"
        rf"alter role {one} set app.banner = E'one ''\n;\ntwo \\'; comment on role {one} is 'for; all';"
        f"grant {two} to {one}; grant {three} to {two} with admin option;"
        f"grant set on parameter log_statement to {one}; alter table notes owner to {one}"
    )
    known = f"from pg_roles where rolname ~ '{node.token}' order by 1"
    facts = f"select rolname, rolcanlogin, rolconfig, shobj_description(oid, 'pg_authid') {known}"
    before = node.server.psql(facts)
    assert node.backup().code == 0
    node.sql(f"drop owned by {one}, {two}, {three}; drop role {one}, {two}, {three}")
    assert node.restore(*action.split()).code == 0
    if action:
        assert node.server.psql(f"select count(*) from (select rolname {known})") == "0"
        return
    assert node.server.psql(facts) == before
    member = "select pg_has_role($q${}$q$, $q${}$q$, 'member')"
    assert node.server.psql(member.format(names[0], names[1])) == "t"
    assert node.server.psql(member.format(names[1], names[2])) == "t"
    assert (
        node.server.psql(f"select has_parameter_privilege($q${names[0]}$q$, 'log_statement', 'set')") == "t"
    )


# --- settings ---


@pytest.mark.parametrize(
    "setting",
    [
        "statement_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "default_transaction_read_only = on",
        "search_path = nowhere",
        "search_path = ''",
        "row_security = off",
    ],
)
def test_settings_of_the_database_change_nothing(node: Node, setting: str) -> None:
    node.create("create table many as select generate_series(1, 200000) as n")  # not counted in a millisecond
    node.sql(f"alter database {node.database} set {setting}")
    survives(node)


def test_lists_that_are_set_for_the_database_come_back(node: Node) -> None:
    node.create()
    node.sql(
        f"""create role known_{node.token};
        alter database {node.database}
        set search_path = plain, "Two words", "a "" quote", "a,b", "back\\slash";
        alter role known_{node.token} in database {node.database} set temp_tablespaces = ''"""
    )
    known = "select setconfig from pg_db_role_setting s join pg_database d on d.oid = setdatabase"
    settings = f"{known} where datname = '{node.database}' order by 1"
    before = node.server.psql(settings)
    assert (before.count("search_path"), before.count("temp_tablespaces")) == (1, 1)
    survives(node)
    assert node.server.psql(settings) == before


def test_names_that_the_server_always_quotes_are_the_same_names(node: Node) -> None:
    node.create()
    node.sql(f"create role known_{node.token}; alter role {node.server.user} set quote_all_identifiers = on")
    try:
        survives(node)
    finally:
        node.server.psql(f"alter role {node.server.user} reset quote_all_identifiers")


def test_a_trigger_at_sign_in_does_not_change_what_is_compared(node: Node) -> None:
    node.create("create table visits (who text)")
    note = (
        "begin if not pg_is_in_recovery() then insert into public.visits values (session_user); end if; end"
    )
    node.sql(
        f"create function note() returns event_trigger language plpgsql as $${note}$$;"
        "create event trigger note on login execute function note(); alter event trigger note enable always"
    )
    survives(node)


def test_a_subscription_stays_behind(node: Node) -> None:
    node.create()
    node.sql(
        "create subscription others connection 'host=127.0.0.1 port=1' publication p with (connect = false)"
    )
    try:
        survives(node)
        assert (
            node.sql(
                "select count(*) from pg_subscription where subdbid = "
                "(select oid from pg_database where datname = current_database())"
            )
            == "0"
        )
        assert "cannot be dropped; drop it by hand, its subscriptions first" in node.restore().log
    finally:
        for name in node.databases():
            subscriptions = (
                "from pg_subscription where subdbid = "
                "(select oid from pg_database where datname = current_database())"
            )
            node.server.psql(
                "select 'alter subscription others set (slot_name = none)', 'drop subscription others' "
                f"{subscriptions} \\gexec",
                name,
            )


# --- data and names ---


def test_how_a_session_writes_values_changes_no_checksum(node: Node) -> None:
    node.create(
        "create table kinds as select now() as written, interval '1 mon -2 days' as long, 'x'::bytea as raw,"
        " 1 / 7.0::float8 as part, '(-1.5,2)'::point as place, array[now()] as times,"
        " array[interval '1 mon -2 days'] as times_long, array['x'::bytea] as raws,"
        " array[1::money] as prices, array[1 / 7.0::float8] as parts"
    )
    ways = {
        "datestyle": "German",
        "timezone": "Asia/Tokyo",
        "intervalstyle": "iso_8601",
        "bytea_output": "escape",
        "extra_float_digits": "-9",
    }
    assert node.backup().code == 0
    for name, value in ways.items():
        node.server.psql(f"alter role {node.server.user} set {name} = '{value}'")
    try:
        assert node.restore("--verify").json["mismatches"] == 0
    finally:
        for name in ways:
            node.server.psql(f"alter role {node.server.user} reset {name}")


def test_a_row_that_comes_back_with_its_fields_exchanged_is_seen(node: Node) -> None:
    node.create(
        "create table parent (a int); create table child (own int) inherits (parent);"
        "alter table parent add column late int;"
        "create table kept (row child, many child[]);"
        "insert into kept values (row(1, 2, 3), array[row(4, 5, 6)::child])"
    )
    assert node.backup().code == 0
    done = node.restore()
    assert done.code == 4
    assert "different: public.kept has the same number of rows, with other content" in done.log


@pytest.mark.parametrize(
    "column",
    ["pair", "pair[]", "known", "reach", "outer_pair"],
    ids=["row", "array", "domain", "range", "row in a row"],
)
def test_fields_that_are_exchanged_are_seen_wherever_they_are(node: Node, column: str) -> None:
    node.create(
        "create type pair as (a int, b int); create domain known as pair;"
        "create type reach as range (subtype = pair); create type outer_pair as (inside pair);"
        f"create table kept (kept {column}); create table other (a int)"
    )
    assert node.backup().code == 0
    node.sql("alter type pair rename attribute a to c")
    assert node.backup().code == 0
    tables = [node.manifest(name)["tables"] for name in node.backups()]
    one, two = ({table["name"]: table["checksum"] for table in each} for each in tables)
    assert (one["kept"] != two["kept"], one["other"]) == (True, two["other"])


def test_a_latin1_database_may_have_a_name_that_latin1_lacks(node: Node) -> None:
    node.configure(DATABASE=f"日本 {node.token}")
    encoding = "template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
    node.server.psql(f"create database {identifier(node.database)} {encoding}")
    node.sql('create table "café" (t text); insert into "café" values (\'ü\')')
    survives(node)
