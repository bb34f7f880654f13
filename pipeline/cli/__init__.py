"""The verbs at a terminal: `quickdata VERB`."""

import os
import sys

import click

from pipeline.cli.output import outlive_readers
from pipeline.errors import Interrupted
from pipeline.verbs import NAMES, SECTIONS, summary


def start() -> None:
    """Run the command line; Ctrl-C at a question, and a defect anywhere, end like those of a verb."""
    outlive_readers()
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("✗ interrupted: nothing was running", file=sys.stderr)
        sys.exit(Interrupted.exit_code)
    except Exception as error:
        from pipeline.steps.explanation import explained  # noqa: PLC0415 - loads slowly

        told = explained(error, os.environ)
        print(f"✗ {told}", file=sys.stderr)
        sys.exit(told.exit_code)


class Verbs(click.Group):
    """The verbs, listed in sections, each with the whole first sentence of its help; loaded when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs' names in the order of use."""
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb."""
        if cmd_name not in NAMES:
            return super().get_command(ctx, cmd_name)
        from pipeline.cli.command import command  # noqa: PLC0415 - what a verb works with loads slowly

        return command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary(name)) for name in names])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quickdata-pipeline")
def main() -> None:
    """Deploy NocoDB on AWS, and prove that your backups restore.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by a gate, 4 verification failed,
    5 done in part (objects missing or defined otherwise, or physical backups not in order),
    130 interrupted.
    """
