"""The options that several verbs share, and what their values must look like."""

from pathlib import Path

import click


def _id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    from pipeline.backups import ID  # noqa: PLC0415 - its imports are slow

    if value is not None and not ID.fullmatch(value):
        raise click.BadParameter("an id is 8 of 0-9 and a-f; `quickdata backups` lists them")
    return value


def _suffix(_context: click.Context, _option: click.Parameter, value: str) -> str:
    from pipeline.settings import valid_suffix  # noqa: PLC0415 - its imports are slow

    try:
        return valid_suffix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _folder(_context: click.Context, _option: click.Parameter, value: Path) -> Path:
    """Take a folder that holds nothing but an earlier plan: its rights are changed, its files replaced."""
    path = value.absolute()
    if path.is_dir() and any(path.iterdir()) and not (path / "manifest.json").is_file():
        raise click.BadParameter(f"{value} holds something else than a plan; name an empty or a new folder")
    return path


ask_vault_password = click.option(
    "--ask-vault-password", "ask", is_flag=True, help="Ask for it at the terminal."
)
verbose = click.option("-v", "--verbose", is_flag=True, help="Show what the tools themselves print.")
yes = click.option("--yes", is_flag=True, help="Do not ask; for CI.")
backup_id = click.option(
    "--id", "backup_id", callback=_id, help="Which backup of those that `quickdata backups` lists."
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
