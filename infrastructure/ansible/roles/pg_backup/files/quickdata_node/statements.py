"""The SQL statements that a restore makes from a backup's content: how they are quoted and run.

They run one by one, so that the others run even if the server refuses one.
"""

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
        sql: the statement, with its semicolon and line end.
        words: the statement for the log, without values, which may be passwords.
        instead: statement to try if this one is refused; empty for none.
    """

    sql: str
    words: str
    instead: str = ""


def identifier(name: str) -> str:
    """Return a name as SQL writes it.

    Raises:
        ValueError: PostgreSQL does not allow this name.
    """
    return '"' + _text(name).replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a value as an SQL literal, where a backslash has no special meaning.

    All sessions of the program set standard_conforming_strings.

    Raises:
        ValueError: PostgreSQL does not allow this text.
    """
    return "'" + _text(value).replace("'", "''") + "'"


def _text(found: str) -> str:
    if not isinstance(found, str) or b"\0" in found.encode(errors="surrogateescape"):
        raise ValueError("PostgreSQL does not allow this text")
    return found


def restricted(sql: str) -> str:
    """Return SQL that was made from S3's content, in a safe form for psql.

    A user who can write to the bucket must not get a shell by a backslash command. psql refuses all of these
    commands until it reads the key again.
    """
    key = secrets.token_hex(8)
    return f"\\restrict {key}\n{sql}\\unrestrict {key}\n"


def one_by_one(statements: Iterable[Statement]) -> str:
    """Return the script for psql that runs statements one by one, and prints those that are refused."""
    lines = (_tried(number, each) for number, each in enumerate(statements))
    return f"{ONE_BY_ONE}{''.join(lines)}\\echo end\n"


def _tried(number: int, statement: Statement) -> str:
    instead = f"\\if :ERROR\n{restricted(statement.instead)}\\endif\n" if statement.instead else ""
    refused = f"select pg_catalog.json_build_array({number}, :'LAST_ERROR_MESSAGE');"
    return f"{restricted(statement.sql)}{instead}\\if :ERROR\n{refused}\n\\endif\n"


def refused(statements: Sequence[Statement], printed: str) -> dict[int, str]:
    """Return the refused statements and the reasons from psql's output, by the statements' numbers.

    Raises:
        ServerFailed: psql has not come to the end of the statements.
    """
    *lines, end = printed.rstrip("\n").split("\n")
    if end != "end":
        raise ServerFailed("psql did not come to the end of the statements")
    return {
        number: f"{shown(statements[number].words)}: {shown(why)}" for number, why in map(json.loads, lines)
    }


def run_each(server: Server, database: str, statements: Sequence[Statement], *options: str) -> dict[int, str]:
    """Run statements one by one; return the refused ones and the reasons, by the statements' numbers.

    Raises:
        ServerFailed: the statements could not be run.
    """
    if not statements:
        return {}
    return refused(statements, server.sql(database, one_by_one(statements), *options))


def shown(text: str, width: int = LONGEST) -> str:
    """Return text that fits into a line of the log, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)[:width]
