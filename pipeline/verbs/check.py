"""The verb `check`."""

from pipeline.deploy import check as checks
from pipeline.verbs.call import DeploymentCall


async def check(call: DeploymentCall) -> None:
    """Look at every input, tool, credential, the bucket, the states and the vault; change nothing.

    Example: quickdata check
    """
    async with call.deployment() as d:
        findings = await checks.check(d)
        d.report.findings.extend(map(str, findings))
        checks.require_good(findings, shown=True)
