"""The verb `check`."""

from pipeline.deploy import check as checks
from pipeline.verbs.call import DeploymentCall


async def check(call: DeploymentCall) -> None:
    """Check the inputs, tools, credentials, bucket, states, vault and SSH key; change nothing.

    Example: quickdata check
    """
    async with call.deployment() as d:
        findings = await checks.check(d)
        d.report.findings.extend(map(str, findings))
        checks.require_good(findings, shown=True)
