"""What tells whether a stack's folder is ready: the code's providers, as `init` would look for them."""

import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.states.ready import CODE, WANTED
from pipeline.tofu.binary import PROVIDER, PROVIDER_VERSION
from pipeline.tofu.stack import STACKS


@pytest.mark.parametrize("stack", STACKS)
def test_every_provider_of_a_stack_is_named_in_the_one_file_that_is_read(stack: str) -> None:
    files = {file.name: file.read_text() for file in (REPOSITORY / STACKS[stack]).glob("*.tf")}
    assert [name for name, text in files.items() if "required_providers" in text] == [CODE]
    assert WANTED.findall(files[CODE]) == [(str(PROVIDER), PROVIDER_VERSION)]
    assert files[CODE].count("source ") == 1
