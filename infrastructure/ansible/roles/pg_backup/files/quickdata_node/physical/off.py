"""Physical backups that are turned off or on: the summary in the bucket says so, and since when."""

from dataclasses import replace
from datetime import UTC, datetime

from quickdata_node.physical import summary
from quickdata_node.physical.summary import BadSummary, Summary
from quickdata_node.run import Failed, Run
from quickdata_node.store import Store, StoreFailed


def note(run: Run, bucket: str, database: str) -> dict[str, str]:
    """Note in the summary that physical backups are off, if there is one that does not say so.

    A summary that cannot be used stays as it is: no new one can say what the bucket holds, because only
    pgBackRest knows.

    Returns:
        For the JSON line: a `warning` that this could not be noted; empty if it could.

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
    except BadSummary as error:
        what = f"it is not noted that physical backups are off: the summary {_place(store, database)} {error}"
        warning = f"{what}; bring an older version of this object back"
        run.log(warning)
        return {"warning": warning}
    return {}


def note_on(run: Run, bucket: str, database: str) -> Summary:
    """Note in the summary that physical backups are on, before the first backup: it may fail.

    A summary that cannot be used must end no backup, which writes most of it anew. So it makes way, and is
    kept beside it.

    Returns:
        The summary; its `on_since` says that a backup is due: the first one, or one after missing WAL.

    Raises:
        Failed: the bucket cannot be read or written.
    """
    store = Store(bucket)
    try:
        known = _read_or_keep(run, store, database)
        if known is None or known.off_since:
            known = replace(known or Summary(database, []), off_since=None, on_since=datetime.now(UTC))
            summary.write(store, known)
    except StoreFailed as error:
        what = "the summary of the physical backups cannot be read or written"
        raise Failed(what, "the lines above say why") from error
    return known


def _read_or_keep(run: Run, store: Store, database: str) -> Summary | None:
    """Return the summary; None if there is none, or if it cannot be used, and was kept under another key."""
    try:
        return _read(store, database)
    except BadSummary as error:
        kept = summary.keep_unreadable(store, database, datetime.now(UTC))
        run.log(f"the summary {_place(store, database)} {error}; it is kept as s3://{store.bucket}/{kept}")
        run.log("a new one does not know the last drill: run quickdata drill --physical again")
        return None


def _read(store: Store, database: str) -> Summary | None:
    """Return the summary; None if there is none.

    Raises:
        BadSummary: there is one that cannot be used.
    """
    name = summary.key(database)
    return summary.read_summary(store.read(name), database) if store.list_keys(name) else None


def _place(store: Store, database: str) -> str:
    return f"s3://{store.bucket}/{summary.key(database)}"
