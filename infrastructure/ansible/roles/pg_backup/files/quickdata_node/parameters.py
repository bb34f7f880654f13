"""The parameters that all sessions of the program set.

So no default of a server, a database or a role changes the content of a dump or of a restored database. The
program passes them in PGOPTIONS, which overrides `alter database … set` and `alter role … set`. The list
holds all parameters that a session of PostgreSQL 18 may set (pg_settings, contexts user, backend and
superuser), except these: https://www.postgresql.org/docs/18/runtime-config.html

- The server decides parameters that change the speed or the log, and not the result: memory, costs, plans,
  JIT, parallel and vacuum work, WAL, statistics, logging, timeouts of TCP; compression in tables.
- pg_dump decides check_function_bodies, and writes it into the dump.
- PGCLIENTENCODING decides client_encoding.
- The database decides the parameters in `MEANT`. The text of a value does not depend on them, but the result
  of a constraint or a materialized view does.
"""

import re
from collections.abc import Mapping

Parameters = Mapping[str, str | None]

WHO = {"role": "none"}  # the role that logged in: another one may not read all, and would own new objects
NAMES = {
    "search_path": "pg_catalog",  # no function of a database's owner replaces PostgreSQL's own
    "quote_all_identifiers": "off",
}
VALUES = {  # how values become text, and text becomes values
    "datestyle": "ISO,YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",  # money is written and read in this locale
    "xmlbinary": "base64",
    "xmloption": "content",
    "array_nulls": "on",
}
SQL = {  # how SQL is read
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "transform_null_equals": "off",
}
ROWS = {  # all rows, or a failure
    "row_security": "off",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "exit_on_error": "off",
}
TIME = {  # no limit: statements that may wait set their own
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
PLACES = {  # in the database's default tablespace
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
}
LIBRARIES = {"local_preload_libraries": ""}
EVERYWHERE = WHO | NAMES | VALUES | SQL | ROWS | TIME | PLACES | LIBRARIES

SINCE = 170000
"""The version, as in server_version_num, that knows the parameters below."""
NEWER = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}
OF_SUPERUSERS = {
    "event_triggers": "off",  # a login trigger that notes sessions would change the rows to compare
    "session_replication_role": "origin",
    "session_preload_libraries": "",  # a database may name one that this server lacks
    "zero_damaged_pages": "off",  # a damaged page is a failure; its rows are not left out silently
    "ignore_checksum_failure": "off",
    "temp_file_limit": "-1",
    "lc_messages": "C",  # the program reads some messages, and the log is in English
}
ALL = EVERYWHERE | NEWER | OF_SUPERUSERS

SPECIAL = re.compile(r"([\\\s])")
"""Characters that need a backslash in PGOPTIONS."""
MEANT = ("timezone", "default_text_search_config", "lc_time", "lc_numeric")
"""Parameters of a database that its constraints and materialized views depend on, in lower case."""


def known(version: int, superuser: bool) -> Parameters:
    """Return the parameters for a server.

    Args:
        version: the server's version, as in server_version_num.
        superuser: whether the sessions belong to a superuser.
    """
    if version < SINCE:
        return EVERYWHERE
    return ALL if superuser else EVERYWHERE | NEWER


def as_options(parameters: Parameters) -> str:
    """Return parameters in the form of PGOPTIONS. The server decides those whose value is None.

    https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
    """
    given = ((name, SPECIAL.sub(r"\\\1", value)) for name, value in parameters.items() if value is not None)
    return " ".join(f"-c {name}={value}" for name, value in given)
