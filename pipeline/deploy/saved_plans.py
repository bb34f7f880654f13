"""Plans in a folder for a later deployment, with a manifest that says for which state, code and inputs."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.deploy import planning
from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused
from pipeline.reporting.report import now
from pipeline.states.ready import OVERRIDE
from pipeline.steps.step import Step
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import STACKS, Stack
from pipeline.tofu.state import State

FORMAT = 2
MANIFEST, COUNTS, INVENTORY = "manifest.json", "plan.json", "inventory.yml"
PAGE = "page"
"""A call through Dagger adds the file page.txt or page.json to the folder."""
FILES = (MANIFEST, COUNTS, INVENTORY, f"{PAGE}.txt", f"{PAGE}.json", *(f"{name}.tfplan" for name in STACKS))
"""All files that a folder of plans may contain. The manifest is removed first."""
PRIVATE = 0o600
SHA256 = 64
"""The number of digits at the beginning of a line of `sha256sum`."""
INFRASTRUCTURE = "infrastructure"
GENERATED = (".*", "*.tfstate*", "*.tfplan", OVERRIDE, "inventory.yml", "known_hosts", "*.pyc")
"""Files that runs write beside the code. They do not count: some do not exist before the first plan."""
VAULT = "vault.yml"
"""Local nodes get a new vault in every run, so it does not count for them."""

WORDS = {
    "suffix": "it was made for another TF_VAR_bucket_suffix",
    "account": "it was made for another AWS account",
    "region": "it was made for another region",
    "inputs": "the variables (TF_VAR_…) have changed since",
    "code": "the files in infrastructure/ have changed since",
    "storage": "the storage state has changed since",
    "app": "the app's state has changed since",
}


def holds_nothing_else(folder: Path) -> bool:
    """Tell whether a folder on this machine is empty, or contains only the files of saved plans.

    Raises:
        OSError: the folder cannot be read.
    """
    names = {path.name for path in folder.iterdir()}
    if not names:
        return True
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return False
    return names <= set(FILES) and isinstance(manifest, dict) and {"format", "made_for"} <= manifest.keys()


@dataclass(frozen=True)
class SavedPlans:
    """A folder of saved plans.

    Args:
        folder: its path, absolute or relative to the workspace.
    """

    folder: PurePosixPath

    def file(self, d: Deployment, stack: Stack) -> str:
        """Return the absolute path of a stack's plan."""
        return str(d.runner.root / self.folder / f"{stack.name}.tfplan")

    def inventory(self, d: Deployment) -> str:
        """Return the absolute path of the inventory that is used to predict the playbooks."""
        return str(d.runner.root / self.folder / INVENTORY)

    async def begin(self, d: Deployment) -> bool:
        """Create the folder with access for this user only, or remove an earlier plan from it.

        Returns:
            Whether the folder was created: GNU's install prints the names of new folders.
        """
        await self.forget(d)
        command = ("install", "-d", "-v", "-m", "700", str(d.runner.root / self.folder))
        return bool((await d.run(Step("plan: folder", command))).check().stdout.strip())

    async def keep(
        self, d: Deployment, states: Mapping[str, State], plans: Mapping[str, Plan], counts: Mapping[str, int]
    ) -> None:
        """Write the counts, then the manifest. With the manifest, the folder can be deployed.

        Args:
            d: the deployment.
            states: the states that the plans were made from, by stack.
            plans: the plans by stack; a missing stack was deferred.
            counts: the counts in GitLab's form, for `artifacts: reports: terraform`.
        """
        document = {
            "format": FORMAT,
            "made": now(),
            "plans": {name: await self._describe(d, name, each) for name, each in plans.items()},
            "deferred": [stack.name for stack in (d.storage, d.app) if stack.name not in plans],
            "made_for": await _circumstances(d, states),
        }
        await self._write(d, COUNTS, counts)
        await self._write(d, MANIFEST, document)

    async def forget(self, d: Deployment, made: bool = False) -> None:
        """Remove all files that a plan writes into the folder.

        Args:
            d: the deployment.
            made: this run created the folder: remove it too, unless it contains other files now.
        """
        for name in FILES:
            await d.runner.remove(self.folder / name)
        if made:
            folder = str(d.runner.root / self.folder)
            command = ("rmdir", "--ignore-fail-on-non-empty", folder)
            (await d.run(Step("plan: no folder", command))).check()

    async def plans(self, d: Deployment, states: Mapping[str, State]) -> dict[str, Plan]:
        """Return the saved plans, each read again, without the deferred stacks.

        Raises:
            PlanRefused: there are no plans, or the state, the code, the inputs or the account have changed.
        """
        await self._require_ours(d)
        manifest = await self._read_manifest(d)
        present = await _circumstances(d, states)
        differing = [WORDS[name] for name in WORDS if manifest["made_for"].get(name) != present[name]]
        if differing:
            raise self._refused(d, f"is stale: {'; '.join(differing)}")
        stacks = [stack for stack in (d.storage, d.app) if stack.name in manifest["plans"]]
        return {
            stack.name: await self._read_plan(d, stack, manifest["plans"][stack.name]) for stack in stacks
        }

    async def _read_plan(self, d: Deployment, stack: Stack, described: Mapping[str, Any]) -> Plan:
        if described != await self._describe(d, stack.name, Plan(pending=bool(described["pending"]))):
            raise self._refused(d, f"is not the plan that was shown: {stack.name}.tfplan was changed")
        if not described["pending"]:
            return Plan(pending=False)
        plan = await planning.read_plan(d, stack, self.file(d, stack))
        d.report.record_plan(f"{stack.name}: saved plan", plan.counts(), plan.changes)
        return plan

    async def _describe(self, d: Deployment, name: str, plan: Plan) -> dict[str, Any]:
        """Return the manifest's entry for a plan: whether it has changes, and the checksum of its file."""
        if not plan.pending:
            return {"pending": False}
        file = str(d.runner.root / self.folder / f"{name}.tfplan")
        step = Step(f"{name}: saved plan's checksum", ("sha256sum", file), private=True)
        return {"pending": True, "sha256": (await d.run(step)).check().stdout[:SHA256]}

    async def _require_ours(self, d: Deployment) -> None:
        """Refuse a folder that other users can write to: they could put another plan there."""
        folder = str(d.runner.root / self.folder)
        look = ("find", "-L", folder, "-maxdepth", "1", "-perm", "/022")
        writable = await d.run(Step("plan: who may write", look, private=True))
        if writable.exit_code == 0 and writable.stdout.strip():
            paths = ", ".join(writable.stdout.splitlines())
            raise self._refused(d, f"can be changed by other users: {paths}")

    async def _read_manifest(self, d: Deployment) -> dict[str, Any]:
        try:
            text = await d.runner.read(self.folder / MANIFEST)
            if text is None:
                raise self._refused(d, f"has no {MANIFEST}")
            manifest = json.loads(text or "")
            named = {*manifest["plans"], *manifest["deferred"]}
            described = all({"pending"} <= each.keys() for each in manifest["plans"].values())
            if manifest["format"] == FORMAT and named == {"storage", "app"} and described:
                return {**manifest, "made_for": dict(manifest["made_for"].items())}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise self._refused(d, f"has a {MANIFEST} in a format that this version does not know")

    def _refused(self, d: Deployment, why: str) -> PlanRefused:
        again = f"`quickdata plan --out {shlex.quote(str(self.folder))}`"
        fix = d.advice(f"nothing was changed; run {again} again, read the plan, then deploy it")
        return PlanRefused(f"the plan in {self.folder} {why}", fix)

    async def _write(self, d: Deployment, name: str, document: Mapping[str, Any]) -> None:
        await d.runner.write(self.folder / name, json.dumps(document, indent=2) + "\n", PRIVATE)


async def _circumstances(d: Deployment, states: Mapping[str, State]) -> dict[str, str]:
    """Return everything that a plan depends on, as short texts that can be compared."""
    inputs = {name: value for name, value in d.app.env.items() if name.startswith("TF_VAR_")}
    return {
        "suffix": d.suffix,
        "account": await d.cloud.account(),
        "region": d.cloud.region,
        "inputs": _hash(json.dumps(inputs, sort_keys=True)),
        "code": await _hash_code(d),
        **{name: state.version for name, state in states.items()},
    }


async def _hash_code(d: Deployment) -> str:
    """Return a hash of the files of the stacks and the playbooks, as the steps will read them."""
    command = ["find", INFRASTRUCTURE, "-type", "d", "-name", ".?*", "-prune", "-o", "-type", "f"]
    generated = GENERATED if d.real_nodes else (*GENERATED, VAULT)
    without = [word for name in generated for word in ("!", "-name", name)]
    listed = (await d.run(Step("code: list", (*command, *without, "-print"), private=True))).check().stdout
    files = sorted(listed.splitlines())
    read = (await d.run(Step("code: read", ("cat", *files), private=True))).check().stdout if files else ""
    return _hash("\n".join([*files, read]))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
