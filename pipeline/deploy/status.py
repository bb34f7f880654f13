"""The status of a deployment: bucket, backups, nodes, services, archiving and drift, checked side by side.

Nothing is changed, except an inventory that does not fit the present nodes.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from anyio import CancelScope, Lock, create_task_group

from pipeline.aws.existing import STOPPED
from pipeline.backups import archiving
from pipeline.backups.catalogue import age, list_backups
from pipeline.backups.health import last_verified, physical_problems, problems
from pipeline.backups.physical import in_words_off, in_words_verified, read_physical
from pipeline.deploy.finding import Finding
from pipeline.deploy.order import refresh_inventory
from pipeline.deploy.planning import make_plan
from pipeline.deploy.services import list_services
from pipeline.deploy.stopped_nodes import how_to_start
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import PipelineError
from pipeline.states.ready import prepare_stack
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import Stack
from quickdata_node.physical.summary import Summary

ROLES = {"manager", "database"}
GONE = "terminated"
BLIND = "could not be checked"
STEP = re.compile(rf"(?<=^{BLIND}: )(storage|app): (init|state|plan|read plan): ")
"""The beginning of an error of a stack's step. It does not count if two stacks fail for the same reason."""


Look = Callable[[], Awaitable[Finding]]


async def status(d: Deployment) -> list[Finding]:
    """Check every part of a deployment. If one check fails, the others are still reported.

    Returns:
        The parts in a fixed order.
    """
    turn = Lock()  # three checks use the app's folder, and only one at a time may make it ready
    looks: dict[str, Look] = {
        "bucket": partial(_bucket, d),
        "backups": partial(_backups, d),
        "nodes": partial(_nodes, d),
        "services": partial(_services, d, turn),
        "archiving": partial(_archiving, d, turn),
        "drift of storage": partial(_drift, d, d.storage, Lock()),
        "drift of app": partial(_drift, d, d.app, turn),
    }
    findings: dict[str, Finding] = {}
    async with create_task_group() as group:
        for about, look in looks.items():
            group.start_soon(_look, about, look, findings)
    return _refer_to_first([_with_one_remedy(findings[about], findings["nodes"]) for about in looks])


def _refer_to_first(findings: list[Finding]) -> list[Finding]:
    """If two parts could not be checked for the same reason, let the second one refer to the first."""
    once: dict[tuple[str, str], str] = {}
    referring = []
    for finding in findings:
        cause = (STEP.sub("", finding.lines[0]), finding.fix)
        first = once.setdefault(cause, finding.about) if finding.lines[0].startswith(BLIND) else finding.about
        same = replace(finding, lines=(f"{BLIND}, for the same reason as {first}",), fix=f"as for {first}")
        referring.append(finding if first == finding.about else same)
    return referring


def require_well(parts: Iterable[Finding]) -> None:
    """Make sure that no part has a problem.

    Raises:
        PipelineError: some parts have a problem, or could not be checked.
    """
    if bad := [part.about for part in parts if not part.well]:
        raise PipelineError(f"these parts have a problem: {', '.join(bad)}", "follow the → line of each part")


async def _look(about: str, look: Look, findings: dict[str, Finding]) -> None:
    try:
        findings[about] = await look()
    except PipelineError as error:
        lines = (f"{BLIND}: {error.what}", *error.tail.splitlines())
        findings[about] = Finding(about, lines, fix=error.fix)


def _with_one_remedy(part: Finding, nodes: Finding) -> Finding:
    """Give a problem that a stopped node causes the fix of the node: a stopped node has no address."""
    stopped = any(node["state"] in STOPPED for node in nodes.facts or ())
    if part.fix and stopped and part.about in ("services", "archiving", "drift of app"):
        return replace(part, fix=nodes.fix)
    return part


async def _bucket(d: Deployment) -> Finding:
    about = "bucket"
    facts = {"name": d.bucket, "exists": await d.cloud.owns(d.bucket), "versioned": None}
    if not facts["exists"]:
        fix = d.advice("`quickdata deploy` creates it")
        return Finding(about, (f"{d.bucket} does not exist",), facts, fix)
    facts["versioned"] = await d.cloud.ask(partial(_versioning, d), d.bucket) == "Enabled"
    if not facts["versioned"]:
        what = f"{d.bucket} is yours, but not versioned: deleted objects cannot be restored"
        return Finding(about, (what,), facts, d.advice("`quickdata deploy` turns versioning on"))
    return Finding(about, (f"{d.bucket} exists, is yours and is versioned",), facts)


def _versioning(d: Deployment, bucket: str) -> str:
    return str(d.cloud.client("s3").get_bucket_versioning(Bucket=bucket).get("Status"))


async def _backups(d: Deployment) -> Finding:
    now = datetime.now(UTC)
    complete = [each for each in await list_backups(d.cloud, d.bucket, DATABASE) if each.complete]
    known = await read_physical(d.cloud, d.bucket, DATABASE)
    worst = next(problems(complete, now), None)
    newest, verified = next(iter(complete), None), last_verified(complete, now)
    lines = [worst.what] if worst else []
    if newest and not newest.problem:
        old = age(newest, now)
        lines.append(f"the newest is {newest.id}, {old} old, {newest.bases} bases, {newest.rows} rows")
    if verified:
        lines.append(f"last verified: {verified.id} at {verified.verified_at} by {verified.verified_by}")
    facts: dict[str, Any] = {"newest": newest and newest.document()}
    facts["verified"] = verified and verified.document()
    facts["physical"] = known and known.document()
    fix = worst.fix if worst else ""
    if known:
        wrong = list(physical_problems(known, now))
        lines = [each.what for each in wrong] + lines
        fix = fix or (wrong[0].fix if wrong else "")
        lines += _physical_in_words(known)
    return Finding("backups", tuple(lines), facts, d.advice(fix) if fix else "")


def _physical_in_words(known: Summary) -> list[str]:
    if known.off_since:
        return [in_words_off(known)]
    return [
        f"the last proof point of the physical backups is {known.point or 'none yet'}",
        f"the last drill of the physical backups: {in_words_verified(known)}",
        *(f"no recovery reaches the moments {gap}: {gap.reason}" for gap in known.gaps),
    ]


async def _nodes(d: Deployment) -> Finding:
    nodes = sorted(await d.cloud.ask(partial(_instances, d), d.suffix), key=lambda node: str(node["name"]))
    lines = tuple(
        f"{node['name']} ({node['role']}): {node['state']}, {node['public_ip'] or 'no public address'},"
        f" {node['private_ip']}, {node['id']}"
        for node in nodes
    )
    missing = sorted(ROLES - {node["role"] for node in nodes})
    lines += (f"no {' and no '.join(missing)}",) if missing else ()
    if stopped := [node["id"] for node in nodes if node["state"] in STOPPED]:
        return Finding("nodes", lines, nodes, how_to_start(d, stopped))
    if missing:
        return Finding("nodes", lines, nodes, d.advice("`quickdata deploy` creates what is missing"))
    if any(node["state"] != "running" for node in nodes):
        fix = d.advice("wait until all nodes are running, then run `quickdata status`")
        return Finding("nodes", lines, nodes, fix)
    return Finding("nodes", (f"{len(nodes)} are running", *lines), nodes)


def _instances(d: Deployment, suffix: str) -> list[dict[str, Any]]:
    tags = {"Project": "quickdata", "Suffix": suffix}
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
    pages = d.cloud.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
    instances = [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
    return [_node(each) for each in instances if each["State"]["Name"] != GONE]


def _node(instance: dict[str, Any]) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    addresses = {f"{kind}_ip": instance.get(f"{kind.title()}IpAddress") for kind in ("public", "private")}
    named = {"name": tags.get("Name"), "role": tags.get("Role"), "id": instance["InstanceId"]}
    return {**named, "state": instance["State"]["Name"], **addresses}


async def _services(d: Deployment, turn: Lock) -> Finding:
    if not d.real_nodes:
        return Finding("services", ("not checked: local nodes have no Docker",), checked=False)
    async with turn:
        await refresh_inventory(d)
    listed = await list_services(d, "status: services")
    lines = tuple(f"{s['name']}: {s['running']} of {s['wanted']} running, {s['image']}" for s in listed)
    if not listed:
        return Finding("services", ("none",), listed, d.advice("`quickdata deploy` starts them"))
    if any(service["running"] != service["wanted"] for service in listed):
        fix = "see `sudo docker service ps --no-trunc NAME` on the manager, then run `quickdata deploy`"
        return Finding("services", ("not all are running", *lines), listed, d.advice(fix))
    return Finding("services", ("all are running", *lines), listed)


async def _archiving(d: Deployment, turn: Lock) -> Finding:
    if not d.real_nodes:
        return Finding("archiving", ("not checked: local nodes do not archive",), checked=False)
    async with turn:
        await refresh_inventory(d)
    figures = await archiving.look(d)
    if figures is None:
        what = "not checked: the program on the database node is older than this checkout"
        installs = d.advice("`quickdata deploy` installs the program of this one")
        return Finding("archiving", (f"{what}; {installs}",), checked=False)
    fix = d.advice("docs/runbook.md, `Archiving fails`, has the steps") if figures["problems"] else ""
    return Finding("archiving", tuple(archiving.in_words(figures)), figures, fix)


async def _drift(d: Deployment, stack: Stack, turn: Lock) -> Finding:
    """Plan a stack, which reads all its resources; the plan is removed again."""
    about = f"drift of {stack.name}"
    async with turn:
        known = await prepare_stack(d, stack)
    if known.empty:
        what = "nothing to compare: its state has no resources yet"
        fix = d.advice("`quickdata plan` shows what `quickdata deploy` would create")
        unknown = {"deployed": False, **dict.fromkeys(Plan().counts()), "changes": None}
        return Finding(about, (what,), unknown, fix)
    plan = await _throwaway_plan(d, stack)
    changes, counts = tuple(map(str, plan.changes)), plan.counts()
    facts = {"deployed": True, **counts, "changes": changes}
    if not plan.pending:
        return Finding(about, ("none: it is the same as the code",), facts)
    said_of = ", ".join(f"{count} to {action}" for action, count in counts.items() if count) or "outputs only"
    fix = d.advice("`quickdata plan` shows the changes, `quickdata deploy` applies them")
    return Finding(about, (said_of, *changes), facts, fix)


async def _throwaway_plan(d: Deployment, stack: Stack) -> Plan:
    try:
        return await make_plan(d, stack)
    finally:
        with CancelScope(shield=True):
            await d.runner.remove(stack.workdir / d.plan_file)
