"""The proof of a recovered server: its rows are compared with the proven point, and its files are checked."""

from collections.abc import Sequence
from typing import Any

from quickdata_node.compare import SHOWN, differences
from quickdata_node.fingerprints import LOGGED, count
from quickdata_node.manifest import FORMAT, Table
from quickdata_node.outcome import is_there
from quickdata_node.physical.choice import Choice
from quickdata_node.physical.points import Point
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

DAMAGED = 2
"""pg_amcheck's exit code for damage. Source: PostgreSQL's src/bin/pg_amcheck/pg_amcheck.c."""
ABOVE = "the lines above say why"
UNTOUCHED = "the live database was not touched"


def prove(server: Server, choice: Choice) -> dict[str, Any]:
    """Count all rows of the recovered database, and compare them if the moment is a proven point.

    Returns:
        Whether they were compared, and the numbers of tables and rows.

    Raises:
        Failed: the rows cannot be read, or differ.
    """
    database, point = server.config.database, choice.moment.point
    if not is_there(server, database):
        raise Failed(f"there was no database {database} at that moment", f"choose another; {UNTOUCHED}")
    try:
        tables = count(server, database, FORMAT, LOGGED)
    except ServerFailed as error:
        raise Failed("the recovered rows cannot be counted", ABOVE) from error
    if point:
        compare(server, point, tables)
    rows = sum(each.rows or 0 for each in tables if each.kind == "table")
    number = sum(each.kind != "large objects" for each in tables)
    proven = "compared" if point else "not compared: no proof for that moment"
    server.run.log(f"{proven}; {number} tables, {rows} rows readable")
    return {"compared": bool(point), "tables": number, "rows": rows}


def compare(server: Server, point: Point, tables: Sequence[Table]) -> None:
    """Compare the rows with the point's.

    Raises:
        Failed: they differ, or the point has no tables.
    """
    found = list(differences(point.tables, tables))
    for line in found[:SHOWN]:
        server.run.log(f"different: {line}")
    if not point.tables:
        raise Failed(f"0 tables differ from the point {point.name}: it has none", UNTOUCHED, 4)
    if found:
        raise Failed(f"{len(found)} tables differ from the point {point.name}", UNTOUCHED, 4)


def check_pages(server: Server) -> None:
    """Check the tables and B-tree indexes of all databases. pg_amcheck knows no other kind of index.

    https://www.postgresql.org/docs/18/app-pgamcheck.html

    Raises:
        Failed: pg_amcheck found damage, or ended with an error; the log has its lines.
    """
    code = server.start("pg_amcheck", "--all", "--install-missing", "--jobs=2", stdout=2).wait()
    if code == DAMAGED:
        raise Failed("pg_amcheck finds damage in the recovered files", f"{ABOVE}; {UNTOUCHED}", 4)
    if code:
        what = f"pg_amcheck ended with exit code {code}, so the recovered files are not checked"
        raise Failed(what, f"{ABOVE}; {UNTOUCHED}")
