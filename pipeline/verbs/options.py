"""How an option of a verb is written and checked; its type, default and help are in the verb's file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from inspect import Parameter
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from typing_extensions import Doc

from pipeline.backups.catalogue import ID
from pipeline.servers.named import named_server
from pipeline.settings.invisible import unseen

LONGEST_DATABASE = 46
"""Bytes. A restore adds an ending to the name, and PostgreSQL allows 63 bytes in all."""
MOST_HOURS = 87600
IMAGE = r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}"
"""The characters that Docker's documentation allows in an image reference. Docker checks the rest."""

MOMENT, LATEST = "2026-11-28 14:55:00+01:00", "latest"
POINT = r"quickdata_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{8}"
"""The name of a proven point, as the node's program makes it (physical/points.py)."""


@dataclass(frozen=True)
class Option:
    """What makes a verb's parameter an option, besides its type, its default and its help.

    Args:
        check: returns the value for the verb, or raises ValueError with the problem; None accepts any value.
        name: its name at a terminal, without hyphens; empty means the parameter's name.
        metavar: the word for the value in a terminal's help.
        argument: at a terminal it is given by position, without a name.
        terminal_only: Dagger does not have this option.
        folder: whether the verb reads or writes this folder. Under Dagger, a folder to read is passed as a
            directory, and a written folder is the function's result.
    """

    check: Callable[[Any], Any] | None = None
    name: str = ""
    metavar: str = ""
    argument: bool = False
    terminal_only: bool = False
    folder: Literal["", "read", "written"] = ""


def option_of(parameter: Parameter) -> Option:
    """Return the Option in the annotation of a verb's parameter, or the default one."""
    return next((note for note in get_args(parameter.annotation) if isinstance(note, Option)), Option())


def without_none(kind: Any) -> Any:
    """Return the type of an option's value. None in the type only says that the option is not required.

    Args:
        kind: a parameter's type.
    """
    named = [each for each in get_args(kind) if each is not NoneType] if NoneType in get_args(kind) else []
    return named[0] if named else kind


def wrong(value: object, said: str) -> ValueError:
    """Return the error for a value. If the value has an invisible character, the error names that instead.

    Args:
        value: the value as the user gave it.
        said: what is wrong with it, and what would be right.
    """
    return ValueError(f"{str(value)!r} {unseen(str(value)) or said}")


def valid_id(value: str | None) -> str | None:
    """Return a backup's id.

    Raises:
        ValueError: the value is not an id.
    """
    if value is not None and not ID.fullmatch(value):
        raise wrong(value, "is not an id: 8 characters, 0-9 and a-f; `quickdata backups` lists them")
    return value


def valid_database(value: str) -> str:
    """Return the name of a database, which becomes part of an S3 key.

    Raises:
        ValueError: a database of a deployment cannot have this name.
    """
    if not value or not value.isprintable() or "/" in value or len(value.encode()) > LONGEST_DATABASE:
        said = f"is not a database name; use 1 to {LONGEST_DATABASE} bytes, without a slash"
        raise wrong(value, said)
    if value in (".", ".."):
        raise wrong(value, "cannot be part of an S3 key; use another name")
    return value


def valid_hours(value: float | None) -> float | None:
    """Return a number of hours.

    Raises:
        ValueError: the value is out of range, or NaN.
    """
    if value is not None and not 0 < value <= MOST_HOURS:  # also catches NaN
        raise ValueError(f"{value} is out of range; use more than 0 and at most {MOST_HOURS} hours")
    return value


def valid_image(value: str | None) -> str | None:
    """Return the name of an image, which becomes an argument of Docker's command.

    Raises:
        ValueError: an image cannot have this name.
    """
    if value is not None and not re.fullmatch(IMAGE, value):
        raise wrong(value, "is not an image name; write it like postgres:18")
    return value


def valid_server(value: str | None) -> str | None:
    """Return the address of a PostgreSQL server.

    Raises:
        ValueError: the value is not an address, or it contains a password.
    """
    if value is not None:
        try:
            named_server(value)
        except ValueError as error:
            raise ValueError(unseen(value) or str(error)) from None  # the value may contain a password
    return value


def valid_moment(value: str | None) -> str | None:
    """Return a time with its zone in the form of ISO 8601, or "latest".

    Raises:
        ValueError: the value is not a time, or has no time zone.
    """
    if value in (None, LATEST):
        return value
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise wrong(value, f"is not a time; write it like {MOMENT}") from None
    if time.tzinfo is None:
        raise wrong(value, f"has no time zone; write it like {MOMENT}")
    return time.isoformat()


def valid_point(value: str | None) -> str | None:
    """Return the name of a proven point.

    Raises:
        ValueError: a point cannot have this name.
    """
    if value is not None and not re.fullmatch(POINT, value):
        raise wrong(value, "is not the name of a point; `quickdata backups` lists them")
    return value


def plan_to_read(value: Path | None) -> PurePosixPath | None:
    """Return the absolute path of a plan's folder."""
    return PurePosixPath(value.absolute()) if value else None


BY_ID = Option(valid_id, name="id", metavar="ID")
TO_TIME = Option(valid_moment, metavar="TIME")
TO_POINT = Option(valid_point, metavar="NAME", terminal_only=True)
OF_DATABASE = Option(valid_database, metavar="NAME")
OF_STACK = Option(argument=True)

Yes = Annotated[bool, Doc("Skip the confirmation (for CI).")]
AsJson = Annotated[bool, Doc("Print JSON."), Option(name="json")]
