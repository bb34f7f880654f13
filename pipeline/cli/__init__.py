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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quickdata-pipeline")
def main() -> None:
    """Deploy NocoDB and PostgreSQL in order, and prove that a backup would come back.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by a gate, 4 verification failed, 130 interrupted.
    """


for verb in (deployment.rehearse, deployment.check, deployment.plan, deployment.deploy, deployment.status):
    main.add_command(verb)
for verb in (data.backup, data.verify, data.backups, data.drill, data.restore, deployment.destroy):
    main.add_command(verb)
for verb in (state.adopt, state.unlock, state.migrate_state):
    main.add_command(verb)
