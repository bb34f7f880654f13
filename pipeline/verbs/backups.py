"""The verb `backups`."""

import json
from datetime import UTC, datetime
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import catalogue, physical
from pipeline.backups.catalogue_page import catalogue_page
from pipeline.deployment import DATABASE
from pipeline.errors import SettingsError
from pipeline.verbs.call import AccountCall
from pipeline.verbs.options import OF_DATABASE, AsJson

Database = Annotated[str, Doc("Database whose backups to list."), OF_DATABASE]
AsPage = Annotated[
    bool,
    Doc("Write a page for a browser instead: reports/backups.html. Dagger returns the page."),
]


async def backups(
    call: AccountCall, database: Database = DATABASE, as_json: AsJson = False, html: AsPage = False
) -> None:
    """List the backups: age, size, rows, complete or not, verified when and by what; newest first.

    A backup whose manifest cannot be used is shown as BAD with the reason, and cannot be restored. Physical
    backups, if there are any, follow in a table of their own, with the span that a recovery can reach.

    The page of --html says more: a verdict, a calendar that shows gaps, the size over time.

    Example: quickdata backups --html
    """
    if as_json and html:
        raise SettingsError("--json and --html cannot be used together", "leave one of them out")
    async with call.open_bucket() as (cloud, bucket):
        listed = await catalogue.list_backups(cloud, bucket, database)
        known = None if as_json else await physical.read_physical(cloud, bucket, database)
    now = datetime.now(UTC)
    if html:
        call.answer(catalogue_page(listed, known, database, bucket, now), "html")
    elif as_json:
        call.answer(json.dumps([each.document() for each in listed]), "json")
    else:
        lines = [*catalogue.table(listed, now), *(["", *physical.table(known, now)] if known else [])]
        call.answer("\n".join(lines))
