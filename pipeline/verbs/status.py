"""The verb `status`."""

import json

from pipeline.deploy import status as statuses
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import AsJson


async def status(call: DeploymentCall, as_json: AsJson = False) -> None:
    """Show how the deployment is doing, part by part; change nothing there.

    \b
    bucket     there, yours, versioned
    backups    the newest one's age, bases and rows; which was last verified, when and by what
    nodes      EC2 instances with this deployment's tags: state, role, addresses
    services   what the Swarm's manager says: replicas wanted and running, image
    archiving  what the database node says: whether WAL reaches the bucket in time, keys, room
    drift      what a new plan of each stack would change

    An inventory here that differs from the app's outputs is made again.

    \b
    Exit codes:
    0  all is well
    1  a part could not be read, or has a problem: a backup that is missing,
       damaged, never verified, or half of the week before's; WAL that is late or
       fills the volume; a node or a service that does not run; drift

    Example: quickdata status --json
    """
    async with call.deployment() as d:
        findings = await statuses.status(d)
        d.report.findings.extend(map(str, findings))
        if as_json:
            call.answer(json.dumps([each.document() for each in findings]), "json")
        statuses.require_well(findings)
