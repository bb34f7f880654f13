"""The options of a command. All are checked before anything is done."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from quickdata_node.run import Failed


@dataclass(frozen=True)
class Options:
    """The arguments of a command."""

    config: str
    id: str = ""
    from_database: str = ""
    verify: bool = False
    keep_going: bool = False
    type: str = ""
    if_none: bool = False
    take_over: bool = False
    to_time: str = ""
    to_point: str = ""
    go_live: str = ""
    remove_older: str = ""
    give_up: str = ""
    check_only: bool = False
    into: str = ""
    archiving: bool = False

    @property
    def action(self) -> str:
        """What the run does with the backup, as the log and the JSON line say it."""
        return "verified" if self.verify else "restored"


def parse(
    arguments: Sequence[str], usage: str, valued: Sequence[str] = (), flags: Sequence[str] = ()
) -> Options:
    """Return the options of a command, or print its usage and exit.

    Args:
        arguments: the words of the command line.
        usage: text for --help.
        valued: options that take a value, beside --config.
        flags: options without a value.
    """
    found: dict[str, str | bool] = {}
    words = iter(arguments)
    for word in words:
        if word in ("-h", "--help"):
            sys.stdout.write(usage)
            sys.exit(0)
        if word not in ("--config", *valued, *flags):
            raise Failed(f"unknown argument {word}", "see --help", 2)
        name = word.removeprefix("--").replace("-", "_")
        found[name] = word in flags or next(words, "")
        if not found[name]:
            raise Failed(f"{word} needs a value", "see --help", 2)
    if "config" not in found:
        raise Failed("no configuration file was given", "add --config FILE", 2)
    return Options(**found)  # type: ignore[arg-type]
