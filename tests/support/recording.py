"""A runner that runs nothing: it records the steps and gives prepared answers."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipeline.ansible.playbooks import Ansible
from pipeline.deploy import stopped_nodes
from pipeline.deploy.protection import LIFECYCLE, PROTECTION
from pipeline.deployment import Deployment
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.suffix import BASE_NAME
from pipeline.steps.step import Result, Step
from pipeline.tofu import stack as tofu
from pipeline.tofu.backends.local import Local
from pipeline.tofu.stack import STACKS, Stack
from tests.support.plan_streams import told

Answer = tuple[int, str]

VAULT = "infrastructure/ansible/group_vars/all/vault.yml"

NODES = {
    "manager": {
        "role": "manager",
        "public_ip": "198.51.100.1",
        "private_ip": "10.0.0.1",
        "instance_id": "i-1",
    },
    "database": {
        "role": "database",
        "public_ip": "198.51.100.2",
        "private_ip": "10.0.0.2",
        "instance_id": "i-2",
    },
}
OUTPUTS = {
    "backup_bucket": "quickdata-pg-backups-storage-bucket-ppr",
    "region": "eu-west-3",
    "ssh_user": "admin",
    "nodes": NODES,
    "data_device_volume_id": "vol-1",
}
STATS = json.dumps({"_event": "v2_playbook_on_stats", "stats": {"manager": {"ok": 3, "changed": 1}}})
FIRST_OF_STORAGE = f"storage: plan of {len(PROTECTION)} targets"
"""The plan of what protects a backup."""
VERSIONING = "aws_s3_bucket_versioning.backups"
BACKUP = {"id": "b1", "prefix": "postgres/nocodb_db/x", "tables": 2, "rows": 2, "seconds": 0.1}
PROOF = {"id": "b1", "action": "verified", "tables": 2, "rows": 2, "mismatches": 0, "seconds": 0.1}


def outputs(values: Mapping[str, Any]) -> str:
    return json.dumps({name: {"value": value} for name, value in values.items()})


def changing(*actions: str, **more: Any) -> dict[str, Any]:
    """Return a plan with one change, in the form of the tools' JSON output."""
    address = more.pop("address", VERSIONING)
    return {"resource_changes": [{"address": address, **more, "change": {"actions": list(actions)}}]}


def plan_json(*changes: tuple[str, str]) -> str:
    actions = {"replace": ["delete", "create"]}
    found = []
    for address, action in changes:
        change = {"actions": actions.get(action, [action])}
        found.append(
            {
                "address": address,
                "change": change,
            }
        )
    return json.dumps({"format_version": "1.2", "resource_changes": found})


def state_json(tainted: str = "", lacking: Iterable[str] = ()) -> str:
    """Return a state of storage that has all that protects a backup, but for what is lacking."""
    found: dict[str, Any] = {"version": 4, "outputs": {"s3_bucket_name": {"value": OUTPUTS["backup_bucket"]}}}
    addresses = sorted({*PROTECTION, tainted} - {"", *lacking})
    found["resources"] = [_resource(each, "tainted" if each == tainted else "") for each in addresses]
    return json.dumps(found)


def app_state_json(tainted: str = "") -> str:
    """Return a state of the app that has its outputs."""
    resources = [_resource(tainted, "tainted")] if tainted else []
    return json.dumps({"version": 4, "outputs": json.loads(outputs(OUTPUTS)), "resources": resources})


def _resource(address: str, status: str = "") -> dict[str, Any]:
    kind, _, name = address.partition(".")
    name, _, key = name.partition("[")
    instance = ({"status": status} if status else {}) | ({"index_key": json.loads(key[:-1])} if key else {})
    return {"mode": "managed", "type": kind, "name": name, "instances": [instance]}


def said_by_ansible(text: str) -> str:
    event = {"_event": "v2_runner_on_ok", "task": {"name": "x"}, "hosts": {"database": {"stdout": text}}}
    return json.dumps(event)


def failed_in_ansible(text: str, code: int, log: str = "") -> str:
    """What Ansible says of a command that ended with an exit code, and had printed and logged something."""
    answer = {"rc": code, "stdout": text, "stderr": log, "msg": "non-zero return code"}
    event = {"_event": "v2_runner_on_failed", "task": {"name": "x"}, "hosts": {"database": answer}}
    return json.dumps(event)


class RecordingRunner:
    """Answers by the step's name, with what a first deployment would see unless told otherwise."""

    def __init__(self, answers: Mapping[str, Answer | Callable[[Step], Answer]] | None = None) -> None:
        self.steps: list[Step] = []
        self.ended: list[str] = []
        self.removed: list[str] = []
        self.shown: dict[str, Answer] = {}
        self.files: dict[str, str] = {VAULT: "$ANSIBLE_VAULT;1.1;AES256"}
        self.answers = dict(FIRST) | dict(answers or {})
        self.root = PurePosixPath("/workspace")

    @property
    def names(self) -> list[str]:
        return [step.name for step in self.steps]

    async def run(self, step: Step) -> Result:
        self.steps.append(step)
        answer = self.shown.pop(step.name, None) or self.answers.get(step.name, (0, ""))
        code, stdout = answer(step) if callable(answer) else answer
        if step.stream == "tofu-json" and (code, stdout) == (tofu.CHANGES, ""):
            stdout = told(self._shown(step))
        self.ended.append(step.name)
        return Result(step, code, stdout, "", 0.0)

    def _shown(self, step: Step) -> str:
        """Return what a plan's file holds: the run that saves it tells the same."""
        name = f"{step.name.partition(':')[0]}: read plan"
        answer = self.answers[name]
        if not callable(answer):
            return answer[1]
        self.shown[name] = answer(step)
        return self.shown[name][1]

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        self.files[str(path)] = text

    async def read(self, path: PurePosixPath) -> str | None:
        return self.files.get(str(path))

    async def remove(self, path: PurePosixPath) -> None:
        self.removed.append(str(path))
        self.files.pop(str(path), None)


FIRST: dict[str, Answer] = {
    "check: OpenTofu": (0, '{"terraform_version": "1.12.6"}'),
    "check: ansible-playbook": (0, "ansible-playbook [core 2.19.14]\n"),
    "storage: state": (0, ""),
    "app: state": (0, ""),
    FIRST_OF_STORAGE: (2, told(plan_json(*((address, "create") for address in PROTECTION)))),
    "storage: plan": (2, ""),
    "storage: read plan": (0, plan_json((f"{LIFECYCLE}.backups", "create"))),
    "app: plan": (2, ""),
    "app: read plan": (0, plan_json(('aws_instance.node["database"]', "create"))),
    "app: outputs": (0, outputs(OUTPUTS)),
    "ansible: swarm.yml": (0, STATS),
    "ansible: nocodb.yml": (0, STATS),
    "ansible: backup.yml": (0, STATS),
    "ansible: images that run": (0, said_by_ansible("")),
    "backup": (0, said_by_ansible(json.dumps(BACKUP))),
    "verify: restore and compare": (0, said_by_ansible(json.dumps(PROOF))),
    "physical backup": (0, said_by_ansible(json.dumps({"label": None}))),
    "app: plan -destroy": (2, ""),
}


class FreeCloud:
    """An account in which nothing exists, or what a test says."""

    def __init__(
        self,
        refusal: Exception | None = None,
        there: Iterable[tuple[str, str]] = (),
        stopped: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.refusal, self.there, self.stopped = refusal, list(there), list(stopped)
        self.asked: list[str] = []

    region = "eu-west-3"
    base_name = BASE_NAME
    partition = "aws"

    async def account(self) -> str:
        return "000000000000"

    async def owns(self, bucket: str) -> bool:
        return False

    async def require_free(self, bucket: str, _state: str = "local") -> None:
        self.asked.append(bucket)
        if self.refusal:
            raise self.refusal

    async def ask(self, call: Any, name: str) -> list[tuple[str, str]]:
        self.asked.append(name)
        return self.stopped if call.func is stopped_nodes._find_stopped else self.there


def deployment(
    runner: RecordingRunner, cloud: FreeCloud | None = None, real_nodes: bool = True
) -> Deployment:
    env = {"TF_VAR_bucket_suffix": "ppr"}
    return Deployment(
        suffix="ppr",
        cloud=cloud or FreeCloud(),  # type: ignore[arg-type]
        runner=runner,
        progress=Progress(),
        report=Report("deploy", "aws"),
        storage=Stack("storage", STACKS["storage"], "tofu", env, ("AWS_SECRET_ACCESS_KEY",)),
        app=Stack("app", STACKS["app"], "tofu", env, ("AWS_SECRET_ACCESS_KEY",)),
        ansible=Ansible({}, ("VAULT_PASSWORD",), ("ANSIBLE_PRIVATE_KEY_FILE",)),
        backend=Local(runner),
        real_nodes=real_nodes,
    )
