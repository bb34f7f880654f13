"""Finds the moment that the arguments name, and the backup and the WAL that lead there."""

from dataclasses import replace
from datetime import UTC, datetime

from quickdata_node.config import Config
from quickdata_node.options import Options
from quickdata_node.physical import points
from quickdata_node.physical.choice import Choice, choose
from quickdata_node.physical.info import Info
from quickdata_node.physical.moment import LATEST, Moment, read_time
from quickdata_node.physical.pgbackrest import in_database
from quickdata_node.physical.throwaway import Throwaway
from quickdata_node.physical.timelines import History, read_history
from quickdata_node.run import Failed, Run
from quickdata_node.server import ServerFailed, find_server
from quickdata_node.store import Store, StoreFailed

COMMIT = "select pg_current_xact_id();"
CLUSTER = "select system_identifier from pg_control_system() where current_setting('archive_mode') = 'on'"


def find_choice(run: Run, config: Config, options: Options) -> Choice:
    """Find out which backup and how much WAL lead to the moment that the arguments name."""
    store = Store(config.bucket)
    moment = None if options.to_point == LATEST else read_moment(store, config, options)
    throwaway = Throwaway(run, config)
    info = throwaway.pgbackrest.info()
    if moment and moment.point and moment.point.system_id != info.system_id:
        what = f"the point {moment.point.name} belongs to another cluster than the repository"
        raise Failed(what, "choose another moment", 2)
    live_until, trouble = archive_everything(run, config, info)
    history = read_history(throwaway.pgbackrest, info)
    chosen = choose(info, history, moment or newest_point(store, config, info, history), live_until)
    return replace(chosen, not_archived=trouble)


def read_moment(store: Store, config: Config, options: Options) -> Moment:
    """Return the moment that the arguments name."""
    if options.to_time:
        return read_time(options.to_time, datetime.now(UTC))
    name = options.to_point
    if not points.NAME.fullmatch(name):
        raise Failed(f"{name!r} is not the name of a point", "`quickdata backups` lists them", 2)
    return _read_point(store, config, name)


def newest_point(store: Store, config: Config, info: Info, history: History) -> Moment:
    """Return the newest proven point in the live timeline's past. Other clusters' points prove nothing.

    Raises:
        Failed: there is none.
    """
    live = history.newest
    for name in reversed(_list_points(store, config)):
        moment = _read_point(store, config, name)
        point = moment.point
        if point and point.system_id == info.system_id and history.holds(live, point.timeline, point.lsn):
            return moment
    what = f"s3://{store.bucket} holds no proven point of {config.database} on timeline {live} of its cluster"
    raise Failed(what, "take a backup with physical-backup.sh first", 4)


def _list_points(store: Store, config: Config) -> list[str]:
    try:
        return points.list_points(store, config.database)
    except StoreFailed as error:
        raise Failed("the proven points cannot be listed", "check the network and the keys") from error


def _read_point(store: Store, config: Config, name: str) -> Moment:
    try:
        point = points.read(store, config.database, name)
    except StoreFailed as error:
        raise Failed(f"the point {name} cannot be downloaded", "check the name and the network") from error
    except points.BadPoint as error:
        raise Failed(f"the point {name} {error}", "choose another moment") from None
    return Moment(point.time, point)


def archive_everything(run: Run, config: Config, info: Info) -> tuple[datetime | None, str]:
    """Let the live server archive all its WAL, so that even a moment ago can be recovered.

    It commits a transaction first: PostgreSQL finds a time only where a later transaction follows.

    Returns:
        The time up to which all is archived, and no reason; or None, and why the live server cannot do it.
    """
    try:
        server = find_server(run, config)
        if server.sql(server.maintenance, CLUSTER).strip() != str(info.system_id):
            return None, _said(run, "the live database does not archive into this repository")
        server.sql(server.maintenance, COMMIT)
        until = datetime.now(UTC)
        in_database(server).check()
    except (Failed, ServerFailed) as error:
        return None, _said(run, str(error))
    return until, ""


def _said(run: Run, trouble: str) -> str:
    run.log(f"{trouble}: rows that are not archived cannot be recovered")
    return trouble
