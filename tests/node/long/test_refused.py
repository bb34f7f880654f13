"""Settings, grants and attributes of roles that a server refuses: they bar no rows, and are listed."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.backups.drill import in_words
from tests.node.test_drill import drilled
from tests.support.backup_node import Node
from tests.support.faults import Retried, cases

UNKNOWN = {"role": None, "name": "lc_time", "value": "xx_YY.UTF-8"}
SAID = 'alter database set lc_time: invalid value for parameter "lc_time": "xx_YY.UTF-8"'


Data = dict[str, Any]


def with_setting(data: Data, _: str = "") -> None:
    data["database"]["settings"].append(UNKNOWN)


def with_setting_of(data: Data, name: str) -> None:
    role_of(data, name)["settings"][0]["value"] = "much"


def with_grantor(data: Data, name: str) -> None:
    next(each for each in data["memberships"] if each["role"] == name)["grantor"] = name


def role_of(data: Data, name: str) -> Data:
    return next(each for each in data["roles"] if each["name"] == name)


async def test_a_drill_whose_server_refuses_a_setting_says_so_and_passes(stocked: Node) -> None:
    stocked.forge_globals(with_setting)
    figures = await drilled(stocked)
    assert (figures["mismatches"], figures["refused"]) == (0, [SAID])
    assert f"the server refused 1: {SAID}" in in_words(figures)


REFUSED = (
    Retried(
        "the server refuses a setting of the database",
        "verify and restore",
        "the others are set; the log and the JSON line name it",
        how=(with_setting, [SAID]),
    ),
    Retried(
        "the server refuses a setting of a missing role",
        "verify and restore",
        "the role is made; the log and the JSON line name it",
        how=(
            with_setting_of,
            ['alter role {role} set work_mem: invalid value for parameter "work_mem": "much"'],
        ),
    ),
    Retried(
        "a membership was granted by the superuser of another server",
        "verify and restore",
        "this server's superuser grants it",
        how=(with_grantor, []),
    ),
)


@pytest.mark.parametrize("case", cases(REFUSED))
def test_what_the_server_refuses_bars_no_rows_and_is_listed(node: Node, case: Retried) -> None:
    forge: Callable[[Data, str], None] = case.how[0]
    role, member = f"lost_{node.token}", f"member_{node.token}"
    node.create()
    node.sql(
        f"create role {role} login; alter role {role} set work_mem = '1MB'; create role {member};"
        f"grant {role} to {member}; alter database {node.database} set work_mem = '2MB'"
    )
    assert node.backup().code == 0
    node.forge_globals(lambda data: forge(data, role))
    node.server.psql(f"drop role {role}, {member}")
    listed = [each.format(role=role) for each in case.how[1]]
    verified = node.restore("--verify")
    assert (verified.code, verified.json["refused"]) == (0, listed)
    assert node.server.psql(f"select count(*) from pg_roles where rolname in ('{role}', '{member}')") == "0"
    restored = node.restore()
    assert (restored.code, restored.json["refused"]) == (0, listed)
    assert all(f"refused: {each}\n" in restored.log for each in listed)
    assert node.server.psql(f"select pg_has_role('{member}', '{role}', 'member')") == "t"
    assert node.server.psql("show work_mem", node.database) == "2MB"


def test_a_role_that_somebody_altered_meanwhile_stays(stocked: Node) -> None:
    role = f"theirs_{stocked.token}"
    stocked.forge_globals(lambda data: data["roles"].append({**data["roles"][0], "name": role}))
    alter = f'"{stocked.server.bin}/psql" -Xqd postgres -c "alter role {role} login password \'x\'"'
    stocked.replace("pg_restore", f'[[ $* != *post-data* ]] || {alter} </dev/null; exec "$REAL" "$@"')
    done = stocked.restore("--verify")
    assert done.code == 0
    assert f"kept {role}: somebody has altered them since this restore made them" in done.log
    assert stocked.server.psql(f"select rolcanlogin from pg_roles where rolname = '{role}'") == "t"
