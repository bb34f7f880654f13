"""Several checks: no problem hides another one."""

import pytest

from quickdata_node.checks import Check, require_all
from quickdata_node.run import Failed, Run


def failing(what: str, code: int = 1, cause: str = "") -> Check:
    def check() -> None:
        raise Failed(what, "do this", code) from (OSError(cause) if cause else None)

    return check


def well() -> None:
    """A check that finds nothing."""


def test_checks_that_find_nothing_end_well() -> None:
    require_all(Run("check"), well, well)


def test_one_problem_is_said_as_it_is() -> None:
    with pytest.raises(Failed, match=r"^the first; do this$"):
        require_all(Run("check"), well, failing("the first"), well)


def test_every_problem_is_said_once_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    run = Run("check")

    def inner() -> None:
        require_all(run, failing("the second", cause="the disk"), failing("the third", code=2))

    with pytest.raises(Failed) as caught:
        require_all(run, failing("the first"), inner, well)
    said = "3 problems; (1) the first; do this (2) the second; do this (3) the third; do this"
    assert (str(caught.value), caught.value.code) == (said, 2)
    assert "check: the disk" in capfd.readouterr().err
