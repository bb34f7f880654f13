"""What verbs declare of their options besides type, default and help: how a value is written and checked."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from typing_extensions import Doc

from pipeline.backups.catalogue import ID
from pipeline.servers.named import named_server
from pipeline.settings.invisible import unseen

LONGEST_DATABASE = 46
"""Bytes: the names that a restore makes of it have to fit into PostgreSQL's 63."""
MOST_HOURS = 87600
IMAGE = r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}"
"""The characters of a reference, as Docker's documentation has it; Docker itself knows the rest."""


@dataclass(frozen=True)
class Option:
    """What a verb's parameter needs to be an option, besides its type, its default and its help.

    Args:
        check: returns the value that the verb gets, or raises ValueError with what is wrong; None takes all.
        name: how a terminal has it, without its hyphens; empty is the parameter's name.
        metavar: what a terminal's help writes for the value.
        argument: a terminal takes it by its place, without a name.
        terminal_only: there is nothing like it under Dagger.
        folder: whether it is a folder that a verb reads or one that it writes. Under Dagger the first is a
            directory that is handed over, and the second is what the function returns.
    """

    check: Callable[[Any], Any] | None = None
    name: str = ""
    metavar: str = ""
    argument: bool = False
    terminal_only: bool = False
    folder: Literal["", "read", "written"] = ""


def option_of(parameter: Parameter) -> Option:
    """Return what a verb's parameter says of itself as an option."""
    return next((note for note in get_args(parameter.annotation) if isinstance(note, Option)), Option())


def without_none(kind: Any) -> Any:
    """Return what an option is of; None beside it says only that it may be left out.

    Args:
        kind: a parameter's type.
    """
    named = [each for each in get_args(kind) if each is not NoneType] if NoneType in get_args(kind) else []
    return named[0] if named else kind


def wrong(value: object, said: str) -> ValueError:
    """Return the error of a value; a character that nobody sees in it is named instead.

    Args:
        value: as it was given.
        said: what is wrong with it, and what would be right.
    """
    return ValueError(f"{str(value)!r} {unseen(str(value)) or said}")


def valid_id(value: str | None) -> str | None:
    """Return a backup's id.

    Raises:
        ValueError: it is not an id.
    """
    if value is not None and not ID.fullmatch(value):
        raise wrong(value, "is not an id: 8 characters, 0-9 and a-f; `quickdata backups` lists them")
    return value


def valid_database(value: str) -> str:
    """Return the name of a database, which becomes part of an S3 key.

    Raises:
        ValueError: no database of ours can have it.
    """
    if not value or not value.isprintable() or "/" in value or len(value.encode()) > LONGEST_DATABASE:
        raise wrong(value, f"is not a database's name: 1 to {LONGEST_DATABASE} bytes, and no slash")
    if value in (".", ".."):
        raise wrong(value, "cannot be part of an S3 key")
    return value


def valid_hours(value: float | None) -> float | None:
    """Return a number of hours.

    Raises:
        ValueError: it is out of range, or not a number.
    """
    if value is not None and not 0 < value <= MOST_HOURS:  # NaN is neither
        raise ValueError(f"{value} must be more than 0 and at most {MOST_HOURS} hours")
    return value


def valid_image(value: str | None) -> str | None:
    """Return the name of an image, which becomes a word of Docker's command.

    Raises:
        ValueError: it cannot be one.
    """
    if value is not None and not re.fullmatch(IMAGE, value):
        raise wrong(value, "is not an image's name, such as postgres:18")
    return value


def valid_server(value: str | None) -> str | None:
    """Return the address of a PostgreSQL.

    Raises:
        ValueError: it is not one, or holds a password.
    """
    if value is not None:
        try:
            named_server(value)
        except ValueError as error:
            raise ValueError(unseen(value) or str(error)) from None  # it may hold a password
    return value


def plan_to_read(value: Path | None) -> PurePosixPath | None:
    """Return the folder of a plan, absolute."""
    return PurePosixPath(value.absolute()) if value else None


BY_ID = Option(valid_id, name="id")
OF_DATABASE = Option(valid_database)
OF_STACK = Option(argument=True)

Yes = Annotated[bool, Doc("Skip the confirmation (for CI).")]
AsJson = Annotated[bool, Doc("Print JSON."), Option(name="json")]
