"""Physical backups that are turned off or on: the summary in the bucket says so, and since when."""

from dataclasses import replace
from datetime import UTC, datetime

from quickdata_node.physical import summary
from quickdata_node.physical.summary import BadSummary, Summary
from quickdata_node.run import Failed
from quickdata_node.store import Store, StoreFailed


def note(bucket: str, database: str) -> None:
    """Note in the summary that physical backups are off, if there is one that does not say so.

    Raises:
        Failed: the bucket cannot be read or written.
    """
    store = Store(bucket)
    try:
        known = _read(store, database)
        if known and not known.off_since:
            summary.write(store, replace(known, off_since=datetime.now(UTC)))
    except StoreFailed as error:
        what = "it cannot be noted in the bucket that physical backups are off"
        raise Failed(what, "the lines above say why; deploy again") from error


def note_on(bucket: str, database: str) -> Summary:
    """Note in the summary that physical backups are on, before the first backup: it may fail.

    Returns:
        The summary; its `on_since` says that a backup is due: the first one, or one after missing WAL.

    Raises:
        Failed: the bucket cannot be read or written.
    """
    store = Store(bucket)
    try:
        known = _read(store, database)
        if known is None or known.off_since:
            known = replace(known or Summary(database, []), off_since=None, on_since=datetime.now(UTC))
            summary.write(store, known)
    except StoreFailed as error:
        what = "the summary of the physical backups cannot be read or written"
        raise Failed(what, "the lines above say why") from error
    return known


def _read(store: Store, database: str) -> Summary | None:
    """Return the summary; None if there is none, or none that can be understood."""
    name = summary.key(database)
    if not store.list_keys(name):
        return None
    try:
        return summary.read_summary(store.read(name), database)
    except BadSummary:
        return None
