"""The verb `status`."""

import json

from pipeline.deploy import status as statuses
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import AsJson


async def status(call: DeploymentCall, as_json: AsJson = False) -> None:
    """Show how the deployment is doing: bucket, backups, nodes, services, drift; change nothing there.

    \b
    bucket    there, yours, versioned
    backups   the newest one's age, bases and rows; which was last verified, when and by what
    nodes     those of EC2 with this deployment's tags: state, role, addresses
    services  what the Swarm's manager says: replicas wanted and running, image
    drift     a plan of each stack, thrown away: none, or what differs

    On this machine, an inventory that differs from the app's outputs is made again.

    A part that cannot be read says so; the others are shown all the same. Exit codes: 0 all is well; 1
    something is wrong (a night without a backup, one with less than half of the bases, tables or rows of one
    from the week before, no backup ever verified, a node or a service that does not run, drift), or could not
    be read.

    Example: quickdata status --json
    """
    async with call.deployment() as d:
        findings = await statuses.status(d)
        d.report.findings.extend(map(str, findings))
        if as_json:
            call.answer(json.dumps([each.document() for each in findings]), "json")
        statuses.require_well(findings)
