"""The arguments of a command."""

import pytest

from quickdata_node.options import parse
from quickdata_node.run import Failed


def test_options_are_what_the_command_has() -> None:
    options = parse(["--verify", "--id", "x", "--config", "c"], "", ("--id",), ("--verify",))
    assert (options.config, options.id, options.verify, options.action) == ("c", "x", True, "verified")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fast"], "unknown argument --fast; see --help"),
        (["--config"], "--config needs a value; see --help"),
        (["--config", ""], "--config needs a value; see --help"),
        (["--verify"], "unknown argument --verify; see --help"),
        ([], "no configuration file was given; add --config FILE"),
    ],
)
def test_wrong_arguments_are_told(words: list[str], said: str) -> None:
    with pytest.raises(Failed) as caught:
        parse(words, "")
    assert (str(caught.value), caught.value.code) == (said, 2)
