"""States in GitLab: its HTTP protocol, with locks and versions."""

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
"""How long GitLab may take for an answer."""
JSON = {"Content-Type": "application/json"}
FINE, NONE, LOCKED, REFUSED = (200, 204), (204, 404), (409, 423), (401, 403)
"""HTTP statuses: GitLab's docs, "GitLab-managed Terraform/OpenTofu state", and lib/api/terraform/state.rb."""
NO_PROJECT = "404 Project Not Found"
"""What GitLab answers of a project that is not there, or not shown to the token (lib/api/helpers.rb)."""
GOING = 422
"""GitLab has marked a state for deletion and has not removed it yet."""


@dataclass(frozen=True)
class GitLab(Backend):
    """A project that keeps the states.

    Args:
        url: GitLab's address, without a slash at its end.
        project: the project's number or path.
        user: whose token it is.
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
        """Return the user; with the password, which is a secret, this keeps both out of files and argv."""
        return {"TF_HTTP_USERNAME": self.user}

    def block(self, stack: str) -> Values:
        """Return the addresses and methods that GitLab's documentation gives."""
        lock = f"{self._address(stack)}/lock"
        methods = {"lock_method": "POST", "unlock_method": "DELETE"}
        return {**self.source(stack), "lock_address": lock, "unlock_address": lock, **methods}

    def source(self, stack: str) -> dict[str, str | bool]:
        """Return the address."""
        return {"address": self._address(stack)}

    def _address(self, stack: str) -> str:
        project = quote(self.project, safe="")
        return f"{self.url}/api/v4/projects/{project}/terraform/state/quickdata-{self.suffix}-{stack}"

    async def create(self) -> str:
        """There is nothing to make: the project exists, and a state is made by writing it."""
        return await self.look()

    async def look(self) -> str:
        """Ask for both states, which shows that address, project and token are right."""
        for stack in STACKS:
            await self._ask("GET", self._address(stack), also=NONE)
        return f"in {self.url}, project {self.project}"

    async def find_lock(self, stack: Stack) -> Lock | None:
        """Take the lock and give it back: GitLab tells nobody else who has it."""
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
        """Take the lock; it is given back at the end of the block, whatever happened."""
        if lock := await self._take(stack, mine):
            raise self.state_locked(stack, lock)
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await self.release(stack, mine)

    async def release(self, stack: Stack, lock: Lock) -> None:
        """Give back or break this very lock. `force-unlock` sends no id, and would break anybody's."""
        address = f"{self._address(stack.name)}/lock?ID={quote(lock.id, safe='')}"
        status, text = await self._ask("DELETE", address, also=(*LOCKED, *NONE, GOING))
        if status in LOCKED:
            raise self.state_locked(stack, _holder(text))

    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Delete the state, after giving the lock back: GitLab keeps a locked state and does not say so."""
        await self.release(stack, mine)
        await self._ask("DELETE", self._address(stack.name))
        status, _ = await self._ask("GET", self._address(stack.name), also=(*NONE, GOING))
        if status not in (*NONE, GOING):
            fix = "remove it by hand (Operate > Terraform states), or run migrate-state again"
            raise ToolError(f"{stack.name}: GitLab did not remove the state that was moved", fix)
        return "nowhere: GitLab deletes a state with its versions"

    async def _ask(
        self, method: str, address: str, body: str | None = None, also: tuple[int, ...] = ()
    ) -> tuple[int, str]:
        """Return status and text of an answer that is fine, or one of those that are accepted too."""
        status, text = await to_thread.run_sync(self._send, method, address, body)
        if status in (*FINE, *also) and NO_PROJECT not in text:
            return status, text
        if status in (*REFUSED, 404):
            what = f"GitLab ({self.url}) refuses GITLAB_USER and GITLAB_PAT for {self.project}: HTTP {status}"
            fix = "give a token with the scope api, of somebody who is at least Maintainer of GITLAB_PROJECT"
            raise SettingsError(what, fix)
        what = f"GitLab ({self.url}) answers with HTTP {status} to {method}"
        raise ToolError(what, "run again in a minute; a state that was just deleted takes GitLab a while")

    def _send(self, method: str, address: str, body: str | None) -> tuple[int, str]:
        sent: dict[str, Any] = {"auth": (self.user, self.token), "content": body, "headers": JSON}
        try:
            answer = ask(method, address, ANSWER_SECONDS, **sent)
        except ConnectionError as error:
            what = f"GitLab ({self.url}) does not answer: {error}"
            raise ToolError(what, "check GITLAB_URL and the network") from error
        return answer.status_code, answer.content.decode(errors="replace")


def _holder(text: str) -> Lock:
    """Return a lock as GitLab tells it: its operation is the one of whoever asks, so it is not known."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        return Lock("without an id")
    return read_lock({**document, "Operation": ""} if isinstance(document, dict) else document)
