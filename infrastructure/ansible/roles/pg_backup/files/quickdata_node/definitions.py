"""The definitions of the objects in a database. The proof compares them, as well as the rows.

Equal rows do not prove a faithful restore. pg_restore reads a dump with an empty search path, and PostgreSQL
looks up each operator again: "old.e is distinct from new.e" of two citext values compares text afterwards,
and nothing fails.

The proof compares two things for each object:

- The text that pg_dump writes. During a backup, pg_restore reads the dump on its way to S3. During a restore,
  pg_dump reads the scratch database. Both write the same text for the same object.
- The functions, operators and collations that the object calls, from pg_depend, without PostgreSQL's own. The
  text does not tell which ones the names stand for.

These differences are allowed:

- Subscriptions and tablespaces: a restore leaves them out.
- The database itself, its settings and grants: they are not in the dump. Other statements restore them.
- The order of objects and of grants: it follows numbers that every server chooses itself.
- The order of columns in a table that inherits: a restore puts the parent's columns first.
- SET default_…: pg_dump writes it where an object needs another value than the object before it.
- The refresh of a materialized view: a restore computes its content again.
- Casts and parentheses in expressions, and the name of a column that is a cast. When PostgreSQL has read an
  expression again, it may write other ones: (ARRAY['a'::varchar])::text[] becomes
  ARRAY[('a'::varchar)::text]. Function bodies that are text stay as they are.
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
"""For sessions that write definitions: a default that is a time is written in the session's time zone."""
HEADER = re.compile(r"-- Name: (.*); Type: ([^;]*); Schema: (.*); Owner: .*\n")
END = "-- PostgreSQL database dump complete\n"
RULE = "--\n"
SESSION = re.compile(r"SET default_\w+ = .*;\n|\\(?:un)?restrict \w+\n")
LENGTH = 16
"""Hexadecimal digits of a checksum: enough to see a change, and short, because each object has a checksum."""
NAME = r"""(?:"[^"]*"|[a-z_][a-z0-9_]*)"""
CAST = re.compile(
    rf"::{NAME}(?:\.{NAME})*(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*"
    rf"(?: AS {NAME})?"
)
OF_ROLES = re.compile(rf"(?<= TO ){NAME}(?:, {NAME})+")
"""The roles of a policy. pg_dump lists them in the order of their table, and a new password moves a role."""
PARENTHESES = re.compile("[()]")
AS_TEXT = ("FUNCTION", "PROCEDURE")
REFRESH = "MATERIALIZED VIEW DATA"
CALLS = Path(__file__).with_name("calls.sql").read_text(encoding="utf-8")


def read_again(server: Server) -> "Witness[dict[str, str]]":
    """Start pg_restore, which reads the definitions in a dump and ends. They come before all rows."""
    child = server.start("pg_restore", *OPTIONS, stdin=PIPE, stdout=PIPE)
    return Witness(child, checksums)


def ask(server: Server, database: str) -> dict[str, str]:
    """Return the checksums of the definitions in a database.

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
    """Return the checksums of the objects' calls, from psql's output."""
    found = (json.loads(line) for line in lines.split("\n") if line)
    return {each["name"]: each["checksum"] for each in found}


def checksums(output: IO[bytes]) -> dict[str, str]:
    """Return a checksum for each object in the output of pg_dump or pg_restore."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    lines = (line.decode(errors="surrogateescape") for line in output)
    for name, text in objects(lines):
        if name.startswith(REFRESH):
            continue
        whole = hashlib.sha256(normal(name, text).encode(errors="surrogateescape")).hexdigest()
        texts[name.encode(errors="surrogateescape").decode(errors="replace")].append(whole)
    return {name: _sum(found) for name, found in texts.items()}


def _sum(found: list[str]) -> str:
    """Return one checksum for all objects of one name, such as functions with different arguments."""
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()[:LENGTH]


def objects(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the definition of each object. Lines before the first object belong to none."""
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
    """Return a definition without the differences that are allowed."""
    text = text.removeprefix(RULE).removesuffix(RULE).strip("\n")
    if "\nINHERITS (" in text or text.startswith(("GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ")):
        text = "\n".join(sorted(line.rstrip(",") for line in text.split("\n")))
    if name.startswith("POLICY "):
        text = OF_ROLES.sub(lambda listed: ", ".join(sorted(listed[0].split(", "))), text)
    if name.startswith(AS_TEXT) and "\n    BEGIN ATOMIC\n" not in text:
        return text
    return PARENTHESES.sub("", CAST.sub("", text))
