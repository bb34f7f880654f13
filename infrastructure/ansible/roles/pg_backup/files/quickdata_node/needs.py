"""A database's needs of a server, beside its version. A backup notes them; a restore checks them first.

The needs are those whose lack would stop a restore halfway:

- extensions;
- locales, as "PROVIDER LOCALE": those of collations created in the database, and the database's own locale if
  its provider is not libc. A libc locale counts only where the order of text decides which rows are valid: a
  table partitioned by ranges of text, or a range type over text. Elsewhere a drill may sort by another
  locale;
- PostgreSQL's own collations that are used, such as en-x-icu;
- compression methods that columns name.

Settings are not needs, such as a library to load at the start, or the compression of new columns: a restore
lists the settings that a server refuses, and goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

PROVIDERS = ("libc", "icu", "builtin")
LONGEST = 100_000
"""Most characters of all needs: they go to psql as an argument. No server has more extensions than fit."""


@dataclass(frozen=True)
class Needs:
    """A database's needs of a server.

    Args:
        extensions: names of extensions.
        locales: locales with their providers, such as "icu de-DE".
        collations: names of PostgreSQL's own collations.
        compression: compression methods, such as "lz4".
    """

    extensions: Sequence[str] = ()
    locales: Sequence[str] = ()
    collations: Sequence[str] = ()
    compression: Sequence[str] = ()

    def text(self) -> str:
        """Return the needs as JSON."""
        return json.dumps(asdict(self))


NONE = Needs()


def read_needs(found: Any) -> Needs:
    """Return the needs in a manifest. The value is hostile until checked.

    Args:
        found: the value in the manifest; None in old backups, which noted no needs.

    Raises:
        ValueError: the value does not have the form of needs.
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
