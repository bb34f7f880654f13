"""The statements of the globals: told apart, and run one by one, so that a refused one bars no other."""

import io
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence

from quickdata_node.server import Server, ServerFailed

MARK = re.compile(r"-- quickdata: (.*)\n")
WHOLE = re.compile(r"""(?:[^;"'\\]|"[^"]*"|'[^']*')*+;\n""")
PSQLS = re.compile(r"\\[^\n]*\n")
VALUE = re.compile(r" (?:to|is|TO|IS|PASSWORD) '", re.DOTALL)
"""What begins a value, which may be a secret, or long."""
ONE_BY_ONE = "\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n"
LONGEST = 200


def split(text: str) -> dict[str, list[str]]:
    """Return the statements of the globals by the part that they are in: roles, create, settings.

    Only where a statement may begin is a line a mark, a comment or psql's own: a comment on the database is
    anybody's text.

    Raises:
        ValueError: the last statement has no end, or a line is psql's where pg_dumpall writes none.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    part, statement = "roles", ""
    for line in io.StringIO(text, newline="\n"):
        if not statement:
            mark = MARK.fullmatch(line)
            if mark:
                part = mark[1]
                parts[part] += []
            if line == "\n" or line.startswith("--"):
                continue
        statement += line
        if WHOLE.fullmatch(statement) or (part == "roles" and PSQLS.fullmatch(statement)):
            parts[part].append(statement)
            statement = ""
    if statement:
        raise ValueError(statement)
    return parts


def one_by_one(statements: Iterable[Sequence[str]]) -> str:
    """Return what lets psql run statements one by one, and print those that are refused.

    They lay in S3: psql refuses their backslash commands until it is told the key.

    Args:
        statements: each with what is tried in its place when it is refused.
    """
    key = secrets.token_hex(8)
    lines = (_tried(number, attempts, key) for number, attempts in enumerate(statements))
    return f"{ONE_BY_ONE}{''.join(lines)}\\echo end\n"


def _tried(number: int, attempts: Sequence[str], key: str) -> str:
    first, *others = (f"\\restrict {key}\n{statement}\\unrestrict {key}\n" for statement in attempts)
    instead = "".join(f"\\if :ERROR\n{other}\\endif\n" for other in others)
    refused = f"select pg_catalog.json_build_array({number}, :'LAST_ERROR_MESSAGE');"
    return f"{first}{instead}\\if :ERROR\n{refused}\n\\endif\n"


def refused(statements: Sequence[Sequence[str]], printed: str) -> dict[int, str]:
    """Return the statements that were refused, by their numbers, with why, as psql has printed it.

    Raises:
        ServerFailed: it has not come to the end.
    """
    *lines, end = printed.rstrip("\n").split("\n")
    if end != "end":
        raise ServerFailed("psql did not come to the end of the statements")
    return {
        number: f"{in_words(statements[number][0])}: {shown(why)}" for number, why in map(json.loads, lines)
    }


def run_each(server: Server, database: str, statements: Iterable[str], *options: str) -> dict[int, str]:
    """Run statements one by one; returns those that were refused, by their numbers, with why.

    Raises:
        ServerFailed: they could not be run.
    """
    each = [(statement,) for statement in statements]
    return refused(each, server.sql(database, one_by_one(each), *options)) if each else {}


def in_words(statement: str) -> str:
    """Return a statement for people, without a value: that may be a password."""
    return shown(VALUE.split(statement)[0].replace(' :"target"', "").rstrip(";\n"))


def shown(text: str, width: int = LONGEST) -> str:
    """Return text for a line of the log."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)[:width]
