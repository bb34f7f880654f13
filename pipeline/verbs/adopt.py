"""The verb `adopt`."""

from typing import Annotated, Literal

from typing_extensions import Doc

from pipeline.deploy import adopt as adoption
from pipeline.settings.inputs import Settings
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import OF_STACK, Yes

StackName = Annotated[Literal["storage", "app"], Doc("The stack whose state is lost."), OF_STACK]


async def adopt(call: DeploymentCall, stack: StackName, yes: Yes = False) -> None:
    """Bring back a lost state: import the resources from AWS, then prove that a plan changes nothing.

    adopt finds the stack's resources by their tags and names. It shows what it would import, and asks. It
    removes nothing and changes only tags. The key pair is created again, because AWS does not show its public
    half. Resources that are missing in AWS are listed: deploy creates them. If both states are lost, adopt
    storage first. Set the variables to the same values as in the last deployment.

    Example: quickdata adopt app
    """
    settings = await call.read(Settings)
    call.require_answer(yes)
    async with call.deployment(settings) as d:
        lost = d.stack(stack)
        seen = await adoption.look(d, lost)
        if seen.imports:
            await call.confirm(
                f"Import this into the state of {stack} of {settings.title}?", yes, seen.page()
            )
        done = await adoption.adopt(d, lost, seen)
        missing = f"deploy creates what is missing: {', '.join(done.missing)}"
        left = missing if done.missing else "a new plan changes nothing"
        d.report.prove("adopt", f"{done.imported} resources imported; {left}", imported=done.imported)
