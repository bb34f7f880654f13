"""Roles and settings: what lies in the bucket is data, and what format 1 left there is SQL."""

from typing import Any

import pytest

from quickdata_node.statements import identifier, literal
from tests.node.test_restore import plant_format_1
from tests.support.backup_node import Node

ODD = (
    "it's",
    'a "b"',
    "a\\b",
    "a\\",
    "E'\\n'",
    "$$ $x$",
    ":target :'target' :\"target\"",
    "a\nb\r\tc",
    "-- /* ;",
    "\u2028ü日",
)


def test_the_server_reads_a_quoted_text_as_it_was(node: Node) -> None:
    for odd in ODD:
        name = f"select json_object_keys(row_to_json(t)) from (select 1 as {identifier(odd)}) as t"
        for query in (f"select {literal(odd)}", name):
            read = node.server.psql(f"select encode(convert_to(({query}), 'UTF8'), 'hex')")
            assert bytes.fromhex(read).decode() == odd


# --- as data ---


def test_no_text_in_the_globals_is_run(stocked: Node) -> None:
    proof, role = stocked.directory / "proof", f"forged_{stocked.token}"
    stocked.server.psql(f"create role {role}")

    def forge(data: dict[str, Any]) -> None:
        for quote in "'\"":
            text = f"x{quote};\n\\! touch {proof}\nalter role {role} superuser;\n--"
            name = f"{role}{quote}; alter role {role} superuser; --"
            settings = [{"name": "app.odd", "value": text}, {"name": "search_path", "value": text}]
            data["roles"].append({**data["roles"][0], "name": name, "comment": text, "settings": settings})
            data["database"]["settings"] += [
                {"role": each, **one} for each in (None, name) for one in settings
            ]
            data["database"]["comment"] = text

    stocked.forge_globals(forge)
    for arguments in (("--verify",), ()):
        assert stocked.restore(*arguments).code == 0
    assert not proof.exists()
    assert stocked.server.psql(f"select rolsuper from pg_roles where rolname = '{role}'") == "f"


@pytest.mark.parametrize("text", ["{", "{}", "null"])
def test_globals_that_cannot_be_understood_are_refused(stocked: Node, text: str) -> None:
    stocked.replace_globals(text)
    assert "cannot be understood; restore another backup with --id" in stocked.refuses_to_restore()


def test_who_granted_a_membership_and_with_what_options_comes_back(node: Node) -> None:
    node.create()
    one, two, three = (f"{name}_{node.token}" for name in ("one", "two", "three"))
    node.server.psql(
        f"create role {one} connection limit 3 valid until '2030-01-02 03:04:05+00' nocreatedb bypassrls;"
        f"create role {two}; create role {three} createrole noinherit;"
        f"grant {one} to {two} with admin option; set role {two};"
        f"grant {one} to {three} with inherit false, set true; reset role"
    )
    roles = (
        "select rolname, rolinherit, rolcreaterole, rolbypassrls, rolconnlimit, rolvaliduntil"
        f" from pg_roles where rolname ~ '{node.token}' order by 1"
    )
    members = (
        "select roleid::regrole, member::regrole, grantor::regrole, admin_option, inherit_option, set_option"
        f" from pg_auth_members where roleid = to_regrole('{one}') order by 2"
    )
    before = [node.server.psql(query) for query in (roles, members)]
    assert before[1].count("\n") == 1
    assert node.backup().code == 0
    node.server.psql(f"drop role {three}; drop role {two}; drop role {one}")
    done = node.restore()
    assert (done.code, done.json["refused"]) == (0, [])
    assert [node.server.psql(query) for query in (roles, members)] == before


# --- as SQL, in format 1 ---

OLD = """\
CREATE ROLE "Owner of a format";
CREATE ROLE "one""
{token}";
ALTER ROLE "one""
{token}" WITH LOGIN PASSWORD 'x';
ALTER ROLE "one""
{token}" SET "app.banner" TO 'one ''
;
-- quickdata: create
two \\';
CREATE ROLE other_{token};
GRANT other_{token} TO "one""
{token}" WITH INHERIT TRUE GRANTED BY other_{token};
-- quickdata: create
create database :"target" template template0 encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8';
-- quickdata: settings
alter database :"target" owner to other_{token};
comment on database :"target" is 'x
-- quickdata: create
alter role other_{token} superuser; --';
alter database :"target" set "TimeZone" to 'Asia/Tokyo';
alter database :"target" set lc_time to 'xx_YY.UTF-8';
"""
REFUSED = 'alter database set lc_time: invalid value for parameter "lc_time": "xx_YY.UTF-8"'


def test_odd_roles_and_settings_of_format_1_come_back(node: Node) -> None:
    node.create("select 'nothing'")
    plant_format_1(node)
    node.replace_globals(OLD.format(token=node.token))
    done = node.restore()
    assert (done.code, done.json["refused"]) == (0, [REFUSED])
    one = f'one"\n{node.token}'
    facts = f"select rolcanlogin, rolconfig[1] from pg_roles where rolname = $q${one}$q$"
    assert node.server.psql(facts) == "t|app.banner=one '\n;\n-- quickdata: create\ntwo \\"
    assert node.server.psql(f"select pg_has_role($q${one}$q$, 'other_{node.token}', 'member')") == "t"
    known = "select pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') from pg_database"
    comment = f"x\n-- quickdata: create\nalter role other_{node.token} superuser; --"
    assert node.sql(f"{known} where datname = current_database()") == f"other_{node.token}|{comment}"
    assert node.sql("show timezone") == "Asia/Tokyo"
    node.server.psql(f'drop database {node.database} with (force); drop role "Owner of a format"')


@pytest.mark.parametrize(
    ("action", "forged"),
    [
        ("--verify", "-- quickdata: create\n{shell}"),
        ("--verify", "CREATE ROLE {role} {shell};\n-- quickdata: create"),
        ("", "CREATE ROLE {role};\nALTER ROLE {role} NOLOGIN; {shell}\n-- quickdata: create"),
        ("", "-- quickdata: settings\n{shell}\n-- quickdata: create"),
    ],
    ids=["database", "name of a role", "role", "settings"],
)
def test_globals_get_no_shell_from_psql(stocked: Node, action: str, forged: str) -> None:
    proof = stocked.directory / "proof"
    text = forged.format(role=f"forged_{stocked.token}", shell=f"\\! touch {proof}")
    stocked.replace_globals(f'{text}\ncreate database :"target" template template0;\n')
    stocked.rewrite(lambda manifest: manifest.update(format=1))
    done = stocked.restore(*action.split())
    assert not proof.exists()
    assert done.code == 1
    assert "cannot be understood" in stocked.alert()
    assert stocked.leaves_nothing()
