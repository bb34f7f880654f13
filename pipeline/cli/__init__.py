"""The verbs for people: `quickdata VERB`."""

import sys

import click

from pipeline.cli import data, deployment, state
from pipeline.cli.output import outlive_readers

INTERRUPTED = 130


def run() -> None:
    """Run the command line; Ctrl-C at a question ends like Ctrl-C anywhere else."""
    outlive_readers()
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("✗ interrupted: nothing was done", err=True)
        sys.exit(INTERRUPTED)


SECTIONS = {
    "Try it": (deployment.rehearse,),
    "Deploy": (deployment.check, deployment.plan, deployment.deploy, deployment.status, deployment.destroy),
    "Backups": (data.backup, data.verify, data.backups, data.drill, data.restore),
    "States": (state.adopt, state.unlock, state.migrate_state),
}
"""The verbs in the order of use."""


class Verbs(click.Group):
    """The verbs, listed in sections, each with the whole first sentence of its help."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections.

        Args:
            ctx: the call.
            formatter: takes the text.
        """
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(verb.name), _first_sentence(verb)) for verb in verbs])


def _first_sentence(verb: click.Command) -> str:
    return " ".join((verb.help or "").partition("\n\n")[0].split())


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quickdata-pipeline")
def main() -> None:
    """Deploy NocoDB and PostgreSQL in order, and prove that a backup would come back.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by a gate, 4 verification failed, 130 interrupted.
    """


for verb in (verb for verbs in SECTIONS.values() for verb in verbs):
    main.add_command(verb)
