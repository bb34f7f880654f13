"""The verb `migrate-state`."""

from typing import Annotated

from typing_extensions import Doc

from pipeline.errors import SettingsError
from pipeline.settings.inputs import Settings
from pipeline.settings.states import StateName
from pipeline.states.migrate import migrate
from pipeline.targets.aws import backend
from pipeline.verbs.call import MigrationCall
from pipeline.verbs.options import Yes


async def migrate_state(
    call: MigrationCall,
    from_: Annotated[StateName, Doc("Where the states are now.")],
    to: Annotated[StateName, Doc("Where to move the states.")],
    yes: Yes = False,
) -> None:
    """Move both states to another place, and compare the copies before the old states are retired.

    migrate-state refuses to overwrite a state that is already there. Run the same command again to continue
    an interrupted move. For s3, a separate bucket is created.

    Example: quickdata migrate-state --from local --to s3
    """
    if from_ == to:
        raise SettingsError("--from and --to name the same place", "name two different places")
    settings = await call.read(Settings, QUICKDATA_STATE=to, QUICKDATA_STATE_FROM=from_)
    await call.confirm(f"Move the states of {settings.title} from {from_} to {to}?", yes)
    async with call.deployment(settings) as d:
        moved = await migrate(d, backend(settings, from_, d), backend(settings, to, d))
        for stack, words in moved.items():
            d.report.prove(stack, words)
