"""The verbs of the states: adopt, unlock, migrate-state."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from pipeline.cli import options
from pipeline.cli.terminal import Question, confirm, errors_told, on_aws, run_and_tell, vault_password

if TYPE_CHECKING:
    from pipeline.deployment import Deployment
    from pipeline.reporting.progress import Progress
    from pipeline.reporting.report import Report
    from pipeline.tofu.stack import Stack


@click.command()
@click.argument("name", metavar="storage|app", type=click.Choice(["storage", "app"]))
@options.state
@options.ask_vault_password
@options.yes
@options.verbose
def adopt(name: str, given: Mapping[str, str], ask: bool, yes: bool, verbose: bool) -> None:
    """Bring a lost state back: import what exists in AWS, and prove it by a plan without changes.

    Finds the stack's resources by their tags and names, and shows what would be imported. Nothing is removed
    and nothing altered but tags; only the key pair is made anew, because AWS does not tell its public half.
    What is missing in AWS is listed and left to deploy. When both states are lost, storage comes first. Reads
    the same variables as deploy: set them as they were when it was deployed.

    Example: quickdata adopt app
    """
    from pipeline.deploy import adopt as verbs  # noqa: PLC0415 - its imports are slow

    seen: list[verbs.Adoption] = []

    def stack(d: "Deployment") -> "Stack":
        return d.storage if name == "storage" else d.app

    async def look(d: "Deployment") -> None:
        seen.append(await verbs.look(d, stack(d)))

    def question() -> str:
        click.echo(seen[0].page(), err=True)
        return f"Import this into the state of {name}?" if seen[0].imports else ""

    async def verb(d: "Deployment") -> None:
        done = await verbs.adopt(d, stack(d), seen[0])
        left = (
            f"deploy creates what is missing: {', '.join(done.missing)}"
            if done.missing
            else "a plan changes nothing"
        )
        d.report.prove("adopt", f"{done.imported} resources imported; {left}", imported=done.imported)

    on_aws(verb, "adopt", {**given, **vault_password(ask)}, verbose, Question(question, yes), look)


@click.command()
@click.argument("stack", type=click.Choice(["storage", "app"]))
@options.state
@options.ask_vault_password
@options.yes
def unlock(stack: str, given: Mapping[str, str], ask: bool, yes: bool) -> None:
    """Break a lock that a dead run left behind, after showing who took it and when.

    A local lock goes with the process that holds it, and cannot be broken. Reads the same variables as
    deploy.

    Example: quickdata unlock storage --state s3
    """
    import anyio  # noqa: PLC0415 - its imports are slow

    from pipeline.reporting.progress import Progress  # noqa: PLC0415
    from pipeline.reporting.report import Report  # noqa: PLC0415
    from pipeline.settings.inputs import Settings  # noqa: PLC0415
    from pipeline.states.ready import lock_found  # noqa: PLC0415
    from pipeline.targets.aws import aws_deployment  # noqa: PLC0415

    with errors_told("unlock"):
        d = aws_deployment(Settings.read(**given, **vault_password(ask)), Progress(), Report("unlock", "aws"))
        locked = d.storage if stack == d.storage.name else d.app
        found = anyio.run(lock_found, d, locked)
    if found is None:
        click.echo(f"✓ {stack}: nobody holds a lock")
        return
    click.echo(f"{stack}: locked {found}", err=True)
    confirm("Break this lock? Only if that run is dead: two runs at once can lose a state.", yes)
    with errors_told("unlock"):
        anyio.run(d.backend.release, locked, found)
    click.echo(f"✓ {stack}: the lock {found.id} is gone")


@click.command("migrate-state")
@click.option("--from", "source", type=options.STATES, required=True, help="Where the states are.")
@click.option("--to", "destination", type=options.STATES, required=True, help="Where they shall be.")
@options.ask_vault_password
@options.yes
@options.verbose
def migrate_state(source: str, destination: str, ask: bool, yes: bool, verbose: bool) -> None:
    """Move both states; what was moved is compared before the old copy is put away.

    Refuses to overwrite another state. A move that was interrupted is continued by the same command. Reads
    the same variables as deploy; s3 is a bucket of its own, which is created.

    Example: quickdata migrate-state --from local --to s3
    """
    from pipeline.settings.inputs import Settings  # noqa: PLC0415
    from pipeline.states.migrate import migrate  # noqa: PLC0415
    from pipeline.targets.aws import backend, local_states  # noqa: PLC0415 - its imports are slow

    if source == destination:
        raise click.UsageError("--from and --to name the same place")
    given = {"QUICKDATA_STATE": destination, "QUICKDATA_STATE_FROM": source}
    with errors_told("migrate-state"):
        settings = Settings.read(**given, **vault_password(ask))
    confirm(f"Move the states of storage and app from {source} to {destination}?", yes)

    async def begin(progress: "Progress", report: "Report") -> None:
        d = local_states(settings, progress, report)
        done = await migrate(d, backend(settings, source, d), backend(settings, destination, d))
        for stack, words in done.items():
            report.prove(stack, words)

    run_and_tell(begin, "migrate-state", "aws", verbose)
