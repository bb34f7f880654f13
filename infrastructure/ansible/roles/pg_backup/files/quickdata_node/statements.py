"""Statements that a restore makes of what lay in S3: quoted, and run one by one, so that a refused one bars
no other."""

import json
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quickdata_node.server import Server, ServerFailed

ONE_BY_ONE = "\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n"
WHOLE = re.compile(r"""(?:[^;"'\\]|"[^"]*"|'[^']*')*+;\n""")
"""One statement, and no more."""
LONGEST = 200


class Statement(NamedTuple):
    """A statement that a server may refuse.

    Args:
        sql: it, with its end.
        words: it for people, without a value: that may be a password.
        instead: what is tried when it is refused.
    """

    sql: str
    words: str
    instead: str = ""


def identifier(name: str) -> str:
    """Return a name as SQL writes it.

    Raises:
        ValueError: nothing can have that name.
    """
    return '"' + _text(name).replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a value as SQL writes it, where a backslash is none of its signs: all our sessions say so.

    Raises:
        ValueError: no text has that value.
    """
    return "'" + _text(value).replace("'", "''") + "'"


def _text(found: str) -> str:
    if not isinstance(found, str) or b"\0" in found.encode(errors="surrogateescape"):
        raise ValueError("no server has such a text")
    return found


def restricted(sql: str) -> str:
    """Return SQL of what lay in S3, for psql.

    Whoever can write there must not get a shell here by a backslash command: psql refuses them all until it
    is told the key.
    """
    key = secrets.token_hex(8)
    return f"\\restrict {key}\n{sql}\\unrestrict {key}\n"


def one_by_one(statements: Iterable[Statement]) -> str:
    """Return what lets psql run statements one by one, and print those that are refused."""
    lines = (_tried(number, each) for number, each in enumerate(statements))
    return f"{ONE_BY_ONE}{''.join(lines)}\\echo end\n"


def _tried(number: int, statement: Statement) -> str:
    instead = f"\\if :ERROR\n{restricted(statement.instead)}\\endif\n" if statement.instead else ""
    refused = f"select pg_catalog.json_build_array({number}, :'LAST_ERROR_MESSAGE');"
    return f"{restricted(statement.sql)}{instead}\\if :ERROR\n{refused}\n\\endif\n"


def refused(statements: Sequence[Statement], printed: str) -> dict[int, str]:
    """Return the statements that were refused, by their numbers, with why, as psql has printed it.

    Raises:
        ServerFailed: it has not come to the end.
    """
    *lines, end = printed.rstrip("\n").split("\n")
    if end != "end":
        raise ServerFailed("psql did not come to the end of the statements")
    return {
        number: f"{shown(statements[number].words)}: {shown(why)}" for number, why in map(json.loads, lines)
    }


def run_each(server: Server, database: str, statements: Sequence[Statement], *options: str) -> dict[int, str]:
    """Run statements one by one; returns those that were refused, by their numbers, with why.

    Raises:
        ServerFailed: they could not be run.
    """
    if not statements:
        return {}
    return refused(statements, server.sql(database, one_by_one(statements), *options))


def shown(text: str, width: int = LONGEST) -> str:
    """Return text for a line of the log."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)[:width]
