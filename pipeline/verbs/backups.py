"""The verb `backups`."""

import json
from datetime import UTC, datetime
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import catalogue
from pipeline.deployment import DATABASE
from pipeline.verbs.call import AccountCall
from pipeline.verbs.options import OF_DATABASE, AsJson

Database = Annotated[str, Doc("The database whose backups are listed."), OF_DATABASE]


async def backups(call: AccountCall, database: Database = DATABASE, as_json: AsJson = False) -> None:
    """List the backups: age, size, rows, complete or not, verified when and by what; newest first.

    A backup whose manifest cannot be used is shown as BAD with the reason, and is not restored.

    Example: quickdata backups --json
    """
    async with call.open_bucket() as (cloud, bucket):
        listed = await catalogue.list_backups(cloud, bucket, database)
    documents = json.dumps([each.document() for each in listed])
    call.answer(documents if as_json else "\n".join(catalogue.table(listed, datetime.now(UTC))))
