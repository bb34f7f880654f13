"""The options that several verbs share, and what their values must look like."""

from datetime import timedelta
from pathlib import Path

import click

from pipeline.deployment import DATABASE

LONGEST_DATABASE = 46
"""Bytes: the names that a restore makes of it have to fit into PostgreSQL's 63."""
MOST_HOURS = 87600


def _bad(value: str, said: str) -> click.BadParameter:
    """Return the error of a value, which is shown with what nobody sees of it."""
    from pipeline.settings.invisible import unseen  # noqa: PLC0415 - only for an error

    return click.BadParameter(f"{value!r} {unseen(value) or said}")


def _id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    from pipeline.backups.catalogue import ID  # noqa: PLC0415 - its imports are slow

    if value is not None and not ID.fullmatch(value):
        raise _bad(value, "is not an id: 8 characters, 0-9 and a-f; `quickdata backups` lists them")
    return value


def _database(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not value or not value.isprintable() or "/" in value or len(value.encode()) > LONGEST_DATABASE:
        raise _bad(value, f"is not a database's name: 1 to {LONGEST_DATABASE} bytes, and no slash")
    if value in (".", ".."):
        raise _bad(value, "cannot be part of an S3 key")
    return value


def _hours(_context: click.Context, _option: click.Parameter, value: float | None) -> timedelta | None:
    if value is None:
        return None
    if not 0 < value <= MOST_HOURS:  # NaN is neither
        raise click.BadParameter(f"{value} must be more than 0 and at most {MOST_HOURS} hours")
    return timedelta(hours=value)


def _suffix(_context: click.Context, _option: click.Parameter, value: str) -> str:
    from pipeline.settings.suffix import valid_suffix  # noqa: PLC0415 - its imports are slow

    try:
        return valid_suffix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _state(_context: click.Context, _option: click.Parameter, value: str | None) -> dict[str, str]:
    return {"QUICKDATA_STATE": value} if value else {}


STATES = click.Choice(["local", "s3", "gitlab"])

state = click.option(
    "--state",
    "given",
    type=STATES,
    callback=_state,
    help="Where the states are kept; else QUICKDATA_STATE, else local.",
)


def _folder(_context: click.Context, _option: click.Parameter, value: Path) -> Path:
    """Take a folder that holds nothing but an earlier plan: its rights are changed, its files replaced."""
    path = value.absolute()
    if path.is_dir() and any(path.iterdir()) and not (path / "manifest.json").is_file():
        raise _bad(str(value), "holds something else than a plan; name an empty or a new folder")
    return path


nodes = click.option(
    "--nodes",
    type=click.Choice(["auto", "local", "docker"]),
    default="auto",
    show_default=True,
    help="What the nodes are.",
)
ask_vault_password = click.option(
    "--ask-vault-password", "ask", is_flag=True, help="Ask for it at the terminal."
)
verbose = click.option("-v", "--verbose", is_flag=True, help="Show what the tools themselves print.")
yes = click.option("--yes", is_flag=True, help="Do not ask; for CI.")
backup_id = click.option(
    "--id", "backup_id", callback=_id, help="Which backup of those that `quickdata backups` lists."
)
database = click.option(
    "--database", default=DATABASE, show_default=True, callback=_database, help="Whose backups."
)
from_database = click.option(
    "--from-database", default=DATABASE, show_default=True, callback=_database, help="Whose backup."
)
max_age = click.option(
    "--max-age",
    metavar="HOURS",
    type=float,
    callback=_hours,
    help="Fail when the newest backup is older than that.",
)
suffix = click.option(
    "--suffix",
    default="rehearsal",
    show_default=True,
    callback=_suffix,
    help="Stands for TF_VAR_bucket_suffix.",
)
out = click.option(
    "--out",
    default="plan",
    show_default=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_folder,
    help="Where the plans are kept, readable by you alone.",
)
saved_plan = click.option(
    "--plan",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Apply exactly the plans that `quickdata plan` kept there.",
)
