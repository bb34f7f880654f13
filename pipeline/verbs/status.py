"""The verb `status`."""

import json

from pipeline.deploy import status as statuses
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import AsJson


async def status(call: DeploymentCall, as_json: AsJson = False) -> None:
    """Show how the deployment is doing, part by part; change nothing there.

    \b
    bucket    there, yours, versioned
    backups   the newest one's age, bases and rows; which was last verified, when and by what
    nodes     EC2 instances with this deployment's tags: state, role, addresses
    services  what the Swarm's manager says: replicas wanted and running, image
    archiving what the database node says: whether WAL reaches the bucket in time, keys, room
    drift     what a new plan of each stack would change

    On this machine, an inventory that differs from the app's outputs is made again.

    If one part cannot be read, status says so and shows the others.

    \b
    Exit codes:
    0  all is well
    1  a part could not be read, or has a problem: a night without a backup;
       a backup with less than half of the bases, tables or rows of one from
       the week before; no backup ever verified; a physical backup that is
       damaged or too old; a node or a service that does not run; archiving
       that fails, lags by more than 2 minutes or fills the volume; drift

    Example: quickdata status --json
    """
    async with call.deployment() as d:
        findings = await statuses.status(d)
        d.report.findings.extend(map(str, findings))
        if as_json:
            call.answer(json.dumps([each.document() for each in findings]), "json")
        statuses.require_well(findings)
