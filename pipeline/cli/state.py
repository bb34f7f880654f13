"""The verbs of states: adopt."""

import click

from pipeline.cli import options
from pipeline.cli.terminal import confirm, on_aws
from pipeline.deployment import Deployment
from pipeline.tofu import Stack


@click.command()
@click.argument("name", metavar="storage|app", type=click.Choice(["storage", "app"]))
@options.ask_vault_password
@options.yes
@options.verbose
def adopt(name: str, ask: bool, yes: bool, verbose: bool) -> None:
    """Bring a lost state back: import what exists in AWS, and prove it by a plan without changes.

    Finds the stack's resources by their tags and names, and shows what would be imported. Nothing is removed
    and nothing altered but tags; only the key pair is made anew, because AWS does not tell its public half.
    What is missing in AWS is listed and left to deploy. When both states are lost, storage comes first. Reads
    the same variables as deploy: set them as they were when it was deployed.

    Example: quickdata adopt app
    """
    from pipeline import adopt as verbs  # noqa: PLC0415 - its imports are slow

    seen: list[verbs.Adoption] = []

    def stack(d: Deployment) -> Stack:
        return d.storage if name == "storage" else d.app

    async def look(d: Deployment) -> None:
        seen.append(await verbs.look(d, stack(d)))

    def question() -> None:
        click.echo(seen[0].page(), err=True)
        if seen[0].imports:
            confirm(f"Import this into the state of {name}?", yes)

    async def verb(d: Deployment) -> None:
        done = await verbs.adopt(d, stack(d), seen[0])
        left = (
            f"deploy creates what is missing: {', '.join(done.missing)}"
            if done.missing
            else "a plan changes nothing"
        )
        d.report.prove("adopt", f"{done.imported} resources imported; {left}", imported=done.imported)

    on_aws(verb, "adopt", ask, verbose, question, look)
