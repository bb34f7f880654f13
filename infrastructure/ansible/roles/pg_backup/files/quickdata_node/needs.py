"""What a database needs of a server, beside its version: a backup notes it, and a restore asks for it first.

What is noted is what would end a restore halfway:

- extensions;
- locales, as "PROVIDER LOCALE": of collations that were made in the database, and its own where it is not
  libc's. A libc locale of its own counts where the order of text decides which rows are valid: a table
  partitioned by ranges of text, a type of ranges of text. Elsewhere a drill may sort by another one;
- PostgreSQL's own collations that are used, such as en-x-icu;
- compression methods that columns name.

What a setting names, such as a library that is loaded first, or how new columns are compressed, is no need: a
restore lists the settings that a server refuses, and goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

PROVIDERS = ("libc", "icu", "builtin")
LONGEST = 100_000
"""Characters of all needs: they go to psql as an argument, and a server has no more extensions than that."""


@dataclass(frozen=True)
class Needs:
    """What a database needs of a server.

    Args:
        extensions: their names.
        locales: each with its provider, such as "icu de-DE".
        collations: the names of PostgreSQL's own.
        compression: methods, such as "lz4".
    """

    extensions: Sequence[str] = ()
    locales: Sequence[str] = ()
    collations: Sequence[str] = ()
    compression: Sequence[str] = ()

    def text(self) -> str:
        """Return them as JSON."""
        return json.dumps(asdict(self))


NONE = Needs()


def read_needs(found: Any) -> Needs:
    """Return the needs in a document; anybody may have written it.

    Args:
        found: as it is in the document. Older backups noted nothing.

    Raises:
        ValueError: it is something else.
    """
    if found is None:
        return NONE
    if not isinstance(found, dict):
        raise ValueError("needs are lists by name")
    needs = Needs(**{each.name: _names(found.get(each.name, [])) for each in fields(Needs)})
    known = all(each.partition(" ")[0] in PROVIDERS for each in needs.locales)
    if not known or len(needs.text()) > LONGEST:
        raise ValueError("needs are too many, or locales without a provider")
    return needs


def _names(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(each, str) and each.isprintable() for each in found):
        raise ValueError("needs are printable names")
    return tuple(found)
