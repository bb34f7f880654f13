"""The parameters that all sessions of the program set, and why: no default of a server, a database or a role
decides what is dumped, or what comes back.

PGOPTIONS carries them, which beats `alter database … set` and `alter role … set`. They are what is left of
all that a session of PostgreSQL 18 may set (pg_settings, contexts user, backend and superuser):
https://www.postgresql.org/docs/18/runtime-config.html

- Left to the server, because they decide how fast or how loud, and not what comes out: memory, costs, plans,
  JIT, parallel and vacuum work, WAL, statistics, logging, timeouts of TCP; compression in tables.
- Left to pg_dump, which writes it into the dump: check_function_bodies.
- Left to PGCLIENTENCODING: client_encoding.
- Left to the database: what `MEANT` names. The text of a value does not depend on it; what a constraint or a
  materialized view makes of the value does.
"""

import re
from collections.abc import Mapping

Parameters = Mapping[str, str | None]

WHO = {"role": "none"}  # who signed in: another role would hide what it may not read, and own what it makes
NAMES = {
    "search_path": "pg_catalog",  # no function of a database's owner stands in for PostgreSQL's own
    "quote_all_identifiers": "off",
}
VALUES = {  # as text, and back
    "datestyle": "ISO,YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",  # money is written and read by it
    "xmlbinary": "base64",
    "xmloption": "content",
    "array_nulls": "on",
}
SQL = {  # how SQL is read
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "transform_null_equals": "off",
}
ROWS = {  # all of them, or a failure
    "row_security": "off",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "exit_on_error": "off",
}
TIME = {  # as much as it takes: what may wait sets a limit itself
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
PLACES = {  # where the database is
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
}
LIBRARIES = {"local_preload_libraries": ""}
EVERYWHERE = WHO | NAMES | VALUES | SQL | ROWS | TIME | PLACES | LIBRARIES

SINCE = 170000
"""The version, as server_version_num says it, that knows those below."""
NEWER = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}
OF_SUPERUSERS = {
    "event_triggers": "off",  # one that notes who signs in would change what is compared
    "session_replication_role": "origin",
    "session_preload_libraries": "",  # a database may name one that this server lacks
    "zero_damaged_pages": "off",  # rows on damaged pages are a failure, not gone
    "ignore_checksum_failure": "off",
    "temp_file_limit": "-1",
    "lc_messages": "C",  # some are read, and the log is in English
}
ALL = EVERYWHERE | NEWER | OF_SUPERUSERS

SPECIAL = re.compile(r"([\\\s])")
"""Characters that a backslash takes along."""
MEANT = ("timezone", "default_text_search_config", "lc_time", "lc_numeric")
"""Parameters of a database that its constraints and materialized views go by, in small letters."""


def known(version: int, superuser: bool) -> Parameters:
    """Return the parameters for a server.

    Args:
        version: its, as server_version_num says it.
        superuser: whether the sessions are one's.
    """
    if version < SINCE:
        return EVERYWHERE
    return ALL if superuser else EVERYWHERE | NEWER


def as_options(parameters: Parameters) -> str:
    """Return parameters as PGOPTIONS takes them; one that is None is left to the server.

    https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
    """
    given = ((name, SPECIAL.sub(r"\\\1", value)) for name, value in parameters.items() if value is not None)
    return " ".join(f"-c {name}={value}" for name, value in given)
