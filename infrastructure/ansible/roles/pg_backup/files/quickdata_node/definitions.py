"""What is defined in a database, object by object: the proof compares it too.

Rows alone do not say that a restore was faithful. A dump is read with an empty search path, and operators
that are not named are looked up anew: "old.e is distinct from new.e" of two citext values compares text
afterwards, and nothing fails.

Two things are compared. What pg_dump writes of each object: the backup reads its own dump with pg_restore
on its way to S3, and a restore asks pg_dump about the scratch database; both write the same text for the
same object. And which functions, operators and collations that are not PostgreSQL's own an object calls, as
pg_depend knows it: the text does not tell. What may differ, and why:

- Subscriptions and tablespaces: a restore leaves them out.
- The database itself, its settings and grants: they are not in the dump, and have statements of their own.
- The order of objects and of grants: it follows numbers that every server gives by itself.
- The order of columns in a table that inherits: a restore puts the parent's first.
- SET default_…: it stands where one object needs another value than the object before it.
- That a materialized view was refreshed: what is in it is computed anew.
- Casts and parentheses in expressions, and the name of a column that is a cast: when PostgreSQL has read an
  expression again, it may write others for the same thing. (ARRAY['a'::varchar])::text[] becomes
  ARRAY[('a'::varchar)::text]. Bodies of functions that are text stay as they are.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import IO

from quickdata_node.server import Server, ServerFailed
from quickdata_node.witness import Witness

OPTIONS = ("--schema-only", "--no-tablespaces", "--no-subscriptions", "--file=-")
ZONE = {"timezone": "UTC"}
"""Of sessions that write definitions: a default that is a time is written as the session's zone has it."""
HEADER = re.compile(r"-- Name: (.*); Type: ([^;]*); Schema: (.*); Owner: .*\n")
END = "-- PostgreSQL database dump complete\n"
RULE = "--\n"
SESSION = re.compile(r"SET default_\w+ = .*;\n|\\(?:un)?restrict \w+\n")
LENGTH = 16
"""Hexadecimal digits of a checksum: enough to see a change, and short, because an object has one each."""
NAME = r"""(?:"[^"]*"|[a-z_][a-z0-9_]*)"""
CAST = re.compile(
    rf"::{NAME}(?:\.{NAME})*(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*"
    rf"(?: AS {NAME})?"
)
OF_ROLES = re.compile(rf"(?<= TO ){NAME}(?:, {NAME})+")
"""Of a policy. pg_dump lists them as they lie in their table: another password moves a role."""
PARENTHESES = re.compile("[()]")
AS_TEXT = ("FUNCTION", "PROCEDURE")
REFRESH = "MATERIALIZED VIEW DATA"
CALLS = Path(__file__).with_name("calls.sql").read_text(encoding="utf-8")


def read_again(server: Server) -> "Witness[dict[str, str]]":
    """Start what reads the definitions in a dump, and ends then: they are in front of all rows."""
    child = server.start("pg_restore", *OPTIONS, stdin=PIPE, stdout=PIPE)
    return Witness(child, checksums)


def ask(server: Server, database: str) -> dict[str, str]:
    """Return the checksums of what is defined in a database.

    Raises:
        ServerFailed: pg_dump or psql failed.
    """
    calls = read_calls(server.sql(database, CALLS))
    command = ("pg_dump", "--no-password", *OPTIONS)
    child = server.start(*command, database=database, more=ZONE, stdout=PIPE)
    assert child.stdout
    found = checksums(child.stdout)
    if code := child.wait():
        raise ServerFailed(f"pg_dump ended with exit code {code}")
    return found | calls


def read_calls(lines: str) -> dict[str, str]:
    """Return the checksums of what objects call, in what psql printed."""
    found = (json.loads(line) for line in lines.split("\n") if line)
    return {each["name"]: each["checksum"] for each in found}


def checksums(output: IO[bytes]) -> dict[str, str]:
    """Return a checksum for each object in what pg_dump or pg_restore writes."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    lines = (line.decode(errors="surrogateescape") for line in output)
    for name, text in objects(lines):
        if name.startswith(REFRESH):
            continue
        whole = hashlib.sha256(normal(name, text).encode(errors="surrogateescape")).hexdigest()
        texts[name.encode(errors="surrogateescape").decode(errors="replace")].append(whole)
    return {name: _sum(found) for name, found in texts.items()}


def _sum(found: list[str]) -> str:
    """Return one checksum for objects of one name, such as functions of one name and other arguments."""
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()[:LENGTH]


def objects(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each object, and what defines it. What is before the first one belongs to none."""
    name, text = "", ""
    for line in lines:
        header = HEADER.fullmatch(line)
        if not header and line != END:
            text += "" if SESSION.fullmatch(line) else line
            continue
        if name:
            yield name, text
        name, text = _name(*header.groups()) if header else "the end", ""
    if name:
        yield name, text


def _name(tag: str, kind: str, schema: str) -> str:
    return f"{kind} {tag}" if schema == "-" else f"{kind} {schema}.{tag}"


def normal(name: str, text: str) -> str:
    """Return a definition without what may differ."""
    text = text.removeprefix(RULE).removesuffix(RULE).strip("\n")
    if "\nINHERITS (" in text or text.startswith(("GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ")):
        text = "\n".join(sorted(line.rstrip(",") for line in text.split("\n")))
    if name.startswith("POLICY "):
        text = OF_ROLES.sub(lambda listed: ", ".join(sorted(listed[0].split(", "))), text)
    if name.startswith(AS_TEXT) and "\n    BEGIN ATOMIC\n" not in text:
        return text
    return PARENTHESES.sub("", CAST.sub("", text))
