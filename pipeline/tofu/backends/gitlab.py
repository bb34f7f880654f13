"""States in GitLab, by its HTTP protocol with locks and versions."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from anyio import CancelScope, to_thread

from pipeline.errors import SettingsError, ToolError
from pipeline.machine.http_request import ask
from pipeline.steps.lock import Lock, new_lock, read_lock
from pipeline.tofu.backends.base import Backend, Values
from pipeline.tofu.stack import STACKS, Stack

PASSWORD = "TF_HTTP_PASSWORD"  # noqa: S105 - the variable's name
ANSWER_SECONDS = 30.0
"""How many seconds GitLab may take for an answer."""
JSON = {"Content-Type": "application/json"}
FINE, NONE, LOCKED, REFUSED = (200, 204), (204, 404), (409, 423), (401, 403)
"""HTTP statuses: GitLab's docs, "GitLab-managed Terraform/OpenTofu state", and lib/api/terraform/state.rb."""
NO_PROJECT = "404 Project Not Found"
"""GitLab's answer if the project does not exist, or the token may not see it (lib/api/helpers.rb)."""
GOING = 422
"""The HTTP status of a state that GitLab has marked for deletion, but not removed yet."""


@dataclass(frozen=True)
class GitLab(Backend):
    """A project that keeps the states.

    Args:
        url: GitLab's address, without a slash at its end.
        project: the project's ID or path.
        user: the owner of the token.
        token: a personal or project access token with the scope api.
        suffix: the deployment's suffix.
    """

    url: str
    project: str
    user: str
    token: str = field(repr=False)
    suffix: str

    name = "gitlab"
    kind = "http"
    shows_locks: ClassVar[bool] = False
    secrets = (PASSWORD,)

    @property
    def env(self) -> Mapping[str, str]:  # type: ignore[override] # computed here, constant elsewhere
        """Return the user as a variable: like the secret password, it stays out of files and argv."""
        return {"TF_HTTP_USERNAME": self.user}

    def block(self, stack: str) -> Values:
        """Return the addresses and methods from GitLab's documentation."""
        lock = f"{self._address(stack)}/lock"
        methods = {"lock_method": "POST", "unlock_method": "DELETE"}
        return {**self.source(stack), "lock_address": lock, "unlock_address": lock, **methods}

    def source(self, stack: str) -> dict[str, str | bool]:
        """Return the address of the state."""
        return {"address": self._address(stack)}

    def _address(self, stack: str) -> str:
        project = quote(self.project, safe="")
        return f"{self.url}/api/v4/projects/{project}/terraform/state/quickdata-{self.suffix}-{stack}"

    async def create(self) -> str:
        """Create nothing: the project exists, and GitLab creates a state when it is written."""
        return await self.look()

    async def look(self) -> str:
        """Read both states, which shows that address, project and token are right."""
        for stack in STACKS:
            await self._ask("GET", self._address(stack), also=NONE)
        return f"in {self.url}, project {self.project}"

    async def find_lock(self, stack: Stack) -> Lock | None:
        """Take the lock and release it: GitLab shows a lock's owner only to a run that tries to take it."""
        mine = new_lock("look")
        lock = await self._take(stack, mine)
        if lock is None:
            await self.release(stack, mine)
        return lock

    async def _take(self, stack: Stack, mine: Lock) -> Lock | None:
        address, body = f"{self._address(stack.name)}/lock", json.dumps(mine.document())
        status, text = await self._ask("POST", address, body, also=LOCKED)
        return _holder(text) if status in LOCKED else None

    @asynccontextmanager
    async def hold_lock(self, stack: Stack, mine: Lock) -> AsyncIterator[None]:
        """Take the lock; it is always released at the end of the block."""
        if lock := await self._take(stack, mine):
            raise self.state_locked(stack, lock)
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await self.release(stack, mine)

    async def release(self, stack: Stack, lock: Lock) -> None:
        """Remove exactly this lock. `force-unlock` sends no id, so it could remove another run's lock."""
        address = f"{self._address(stack.name)}/lock?ID={quote(lock.id, safe='')}"
        status, text = await self._ask("DELETE", address, also=(*LOCKED, *NONE, GOING))
        if status in LOCKED:
            raise self.state_locked(stack, _holder(text))

    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Delete the state after releasing the lock: GitLab silently keeps a locked state."""
        await self.release(stack, mine)
        await self._ask("DELETE", self._address(stack.name))
        status, _ = await self._ask("GET", self._address(stack.name), also=(*NONE, GOING))
        if status not in (*NONE, GOING):
            fix = "remove the old state by hand (Operate > Terraform states), or run migrate-state again"
            raise ToolError(f"{stack.name}: GitLab did not remove the old state after the move", fix)
        return "none: GitLab deletes a state with all its versions"

    async def _ask(
        self, method: str, address: str, body: str | None = None, also: tuple[int, ...] = ()
    ) -> tuple[int, str]:
        """Return the status and text of an answer. Other statuses than FINE and `also` raise an error."""
        status, text = await to_thread.run_sync(self._send, method, address, body)
        if status in (*FINE, *also) and NO_PROJECT not in text:
            return status, text
        if status in (*REFUSED, 404):
            what = f"GitLab ({self.url}) refuses GITLAB_USER and GITLAB_PAT for {self.project}: HTTP {status}"
            fix = "use a token with the scope api, of a user who is at least Maintainer of GITLAB_PROJECT"
            raise SettingsError(what, fix)
        what = f"GitLab ({self.url}) answers with HTTP {status} to {method}"
        raise ToolError(what, "run again in a minute; GitLab may still be deleting an old state")

    def _send(self, method: str, address: str, body: str | None) -> tuple[int, str]:
        sent: dict[str, Any] = {"auth": (self.user, self.token), "content": body, "headers": JSON}
        try:
            answer = ask(method, address, ANSWER_SECONDS, **sent)
        except ConnectionError as error:
            what = f"GitLab ({self.url}) does not answer: {error}"
            raise ToolError(what, "check GITLAB_URL and the network") from error
        return answer.status_code, answer.content.decode(errors="replace")


def _holder(text: str) -> Lock:
    """Return a lock from GitLab's answer, without its operation, which is that of the run that asks."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        return Lock("without an id")
    return read_lock({**document, "Operation": ""} if isinstance(document, dict) else document)
