"""A mistake in the arguments of recover-pg.sh is told before anything is done."""

import pytest

from quickdata_node.physical.recover_pg import read_options
from quickdata_node.run import Failed

CONFIG = ("--config", "c")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--go-live, --remove-older, --give-up cannot be used together; give exactly one of them"),
        (("--to-time", "latest", "--to-point", "latest"), "give exactly one of them"),
        (("--go-live", "0123abcd", "--to-time", "latest"), "give exactly one of them"),
        (
            ("--to-point", "latest", "--verify", "--into", "app"),
            "--into and --verify cannot be used together",
        ),
        (("--remove-older", "0123abcd", "--give-up", "0123abcd"), "give exactly one of them"),
        (("--give-up", "0123abcd", "--into", "app"), "leave it out: the id says it"),
        (("--remove-older", "0123abcd", "--into", "app"), "leave it out: the id says it"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        read_options((*CONFIG, *words))
    assert caught.value.code == 2


def test_one_moment_with_its_options_is_taken() -> None:
    options = read_options((*CONFIG, "--to-time", "latest", "--into", "app", "--check-only"))
    assert (options.to_time, options.into, options.check_only) == ("latest", "app", True)
