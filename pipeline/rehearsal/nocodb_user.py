"""What a user does in NocoDB, done over HTTP: signs in, makes bases, keeps rows and files in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Any

import httpx

from pipeline.errors import VerifyFailed
from pipeline.machine.waiting import until

ANSWER_LIMIT = 180.0
"""Seconds that NocoDB has to answer, after a restart of its node too."""
FILE = "receipt.txt"
COLUMNS = [
    {"title": "Name", "column_name": "name", "uidt": "SingleLineText", "pv": True},
    {"title": "Receipt", "column_name": "receipt", "uidt": "Attachment"},
]


@dataclass(frozen=True)
class Base:
    """A base with one table.

    Args:
        id: the base's.
        table: the table's id.
    """

    id: str
    table: str


@dataclass(frozen=True)
class User:
    """A user who is signed in.

    Args:
        http: where NocoDB is, with the user's token.
    """

    http: httpx.AsyncClient

    async def make(self, title: str, names: tuple[str, ...], content: bytes) -> Base:
        """Make a base with a table: a row for each name, the first with a file."""
        base = await self._ask("POST", "/api/v2/meta/bases", json={"title": title})
        definition = {"title": "Customers", "table_name": "customers", "columns": COLUMNS}
        table = await self._ask("POST", f"/api/v2/meta/bases/{base['id']}/tables", json=definition)
        upload = {"file": (FILE, content, "text/plain")}
        stored = await self._ask("POST", "/api/v2/storage/upload", files=upload)
        first, *rest = names
        rows = [{"Name": first, "Receipt": stored}, *({"Name": name} for name in rest)]
        await self._ask("POST", f"/api/v2/tables/{table['id']}/records", json=rows)
        return Base(str(base["id"]), str(table["id"]))

    async def rows(self, base: Base) -> list[dict[str, Any]]:
        """Return the rows as NocoDB serves them."""
        page = await self._ask("GET", f"/api/v2/tables/{base.table}/records")
        return list(page["list"])

    async def names(self, base: Base) -> dict[int, str]:
        """Return the names by the rows' ids."""
        return {row["Id"]: row["Name"] for row in await self.rows(base)}

    async def file(self, base: Base) -> bytes:
        """Return the first row's file, as a browser would load it."""
        row = (await self.rows(base))[0]
        answer = await self.http.get("/" + row["Receipt"][0]["signedPath"])
        return answer.content if answer.is_success else b""

    async def rename(self, base: Base, row: int, name: str) -> None:
        """Change a row."""
        await self._ask("PATCH", f"/api/v2/tables/{base.table}/records", json=[{"Id": row, "Name": name}])

    async def remove(self, base: Base, row: int) -> None:
        """Delete a row."""
        await self._ask("DELETE", f"/api/v2/tables/{base.table}/records", json=[{"Id": row}])

    async def drop(self, base: Base) -> None:
        """Drop a base."""
        await self._ask("DELETE", f"/api/v2/meta/bases/{base.id}")

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        answer = await self.http.request(method, path, **content)
        if answer.is_error:
            what = f"NocoDB answers {answer.status_code} to {method} {path}"
            raise VerifyFailed(what, "look at its log: docker service logs nocodb_nocodb", answer.text[:400])
        return answer.json()


@asynccontextmanager
async def signed_in(
    url: str, email: str, password: str, tls: SSLContext | None = None
) -> AsyncIterator[User]:
    """Sign in; wait until NocoDB answers.

    Args:
        url: where it is.
        email: who.
        password: theirs.
        tls: knows the authority of its certificate; None where there is none.

    Raises:
        VerifyFailed: it does not answer, or does not let the user in.
    """
    async with httpx.AsyncClient(base_url=url, verify=tls or True, timeout=30, trust_env=False) as http:
        if not await until(partial(_answers, http), ANSWER_LIMIT):
            raise VerifyFailed(f"NocoDB does not answer at {http.base_url}", "look at its log on the manager")
        user = User(http)
        known = await user._ask(
            "POST", "/api/v1/auth/user/signin", json={"email": email, "password": password}
        )
        http.headers["xc-auth"] = known["token"]
        yield user


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/v1/health")).is_success
    except httpx.TransportError:
        return False
