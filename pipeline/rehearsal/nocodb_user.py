"""A NocoDB user over HTTP: signs in, creates bases, and stores rows and files in them."""

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
"""How many seconds to wait for NocoDB's answer; a restart of its node takes that long."""
FILE = "receipt.txt"
COLUMNS = [
    {"title": "Name", "column_name": "name", "uidt": "SingleLineText", "pv": True},
    {"title": "Receipt", "column_name": "receipt", "uidt": "Attachment"},
]


@dataclass(frozen=True)
class Base:
    """A base with one table.

    Args:
        id: the id of the base.
        table: the id of the table.
    """

    id: str
    table: str


@dataclass(frozen=True)
class User:
    """A signed-in user.

    Args:
        http: a client for NocoDB with the user's token.
    """

    http: httpx.AsyncClient

    async def make(self, title: str, names: tuple[str, ...], content: bytes) -> Base:
        """Create a base with a table that has a row for each name, the first row with a file."""
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
        """Return the rows as NocoDB shows them."""
        page = await self._ask("GET", f"/api/v2/tables/{base.table}/records")
        return list(page["list"])

    async def names(self, base: Base) -> dict[int, str]:
        """Return the names by row id."""
        return {row["Id"]: row["Name"] for row in await self.rows(base)}

    async def file(self, base: Base) -> bytes:
        """Return the file of the first row, downloaded as a browser would."""
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
            raise VerifyFailed(what, "read its log: docker service logs nocodb_nocodb", answer.text[:400])
        return answer.json()


@asynccontextmanager
async def signed_in(
    url: str, email: str, password: str, tls: SSLContext | None = None
) -> AsyncIterator[User]:
    """Wait until NocoDB answers, then sign in.

    Args:
        url: NocoDB's address.
        email: the user's address.
        password: the user's password.
        tls: trusts the authority of NocoDB's certificate; None without a certificate.

    Raises:
        VerifyFailed: NocoDB does not answer, or refuses the user.
    """
    async with httpx.AsyncClient(base_url=url, verify=tls or True, timeout=30, trust_env=False) as http:
        if not await until(partial(_answers, http), ANSWER_LIMIT):
            fix = "read its log on the manager: docker service logs nocodb_nocodb"
            raise VerifyFailed(f"NocoDB does not answer at {http.base_url}", fix)
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
