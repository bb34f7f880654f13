"""What is deployed is looked for where it is: another region is refused, not deployed to beside it."""

import json
from collections.abc import Awaitable, Callable

import pytest

from pipeline.deploy.destroy import destroy
from pipeline.deploy.order import deploy
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, RegionDiffers, SettingsError, most_telling
from pipeline.steps.failures import diagnose
from tests.support.recording import OUTPUTS, RecordingRunner, deployment, outputs

ELSEWHERE = json.dumps({"version": 4, "outputs": json.loads(outputs({**OUTPUTS, "region": "eu-west-1"}))})


@pytest.mark.parametrize(("verb", "stack"), [(deploy, "storage"), (deploy, "app"), (destroy, "app")])
async def test_a_stack_whose_state_is_of_another_region_is_not_even_planned(
    verb: Callable[[Deployment], Awaitable[object]], stack: str
) -> None:
    """In that region its resources would not be found: all would be made anew, or forgotten."""
    runner = RecordingRunner({f"{stack}: state": (0, ELSEWHERE)})
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await verb(deployment(runner))
    error = most_telling(caught.value)
    assert isinstance(error, RegionDiffers)
    assert "is in eu-west-1, but the given region is eu-west-3" in error.what
    assert "to eu-west-1" in error.fix
    assert not [name for name in runner.names if "plan" in name or "apply" in name]


@pytest.mark.parametrize(
    "said",
    [
        "HeadBucket, https response error StatusCode: 301, api error MovedPermanently: Moved Permanently",
        'requested bucket from "us-east-1", actual location\n"eu-west-3"',
    ],
)
def test_a_redirection_of_s3_is_told_as_what_it_is(said: str) -> None:
    error = diagnose("storage: init", 1, "", said)
    assert isinstance(error, SettingsError)
    assert "not in the given region" in error.what
