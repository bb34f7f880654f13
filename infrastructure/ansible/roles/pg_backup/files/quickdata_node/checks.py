"""Several checks of one run: each is made, whatever the others find."""

from collections.abc import Callable, Iterator, Sequence

from quickdata_node.run import Failed, Run

Check = Callable[[], None]
"""Raises Failed when something is wrong."""


class Several(Failed):
    """Several problems, in one line.

    Args:
        problems: the problems.
    """

    def __init__(self, problems: Sequence[Failed]) -> None:
        numbered = " ".join(f"({number}) {each}" for number, each in enumerate(problems, 1))
        super().__init__(f"{len(problems)} problems", numbered, max(each.code for each in problems))
        self.problems = problems


def require_all(run: Run, *checks: Check) -> None:
    """Make all checks. One problem must not hide another one, which may be worse.

    Args:
        run: this run; its log gets the causes of several problems.
        checks: the checks.

    Raises:
        Failed: a check failed.
        Several: more than one failed.
    """
    raise_all(run, find_problems(*checks))


def raise_all(run: Run, problems: Sequence[Failed]) -> None:
    """Raise the problems, if there are any.

    Args:
        run: this run; its log gets the causes of several problems.
        problems: what checks have found.

    Raises:
        Failed: the one problem.
        Several: more than one.
    """
    if len(problems) == 1:
        raise problems[0]
    for cause in [each.__cause__ for each in problems if each.__cause__]:
        run.log(cause)
    if problems:
        raise Several(problems)


def find_problems(*checks: Check) -> list[Failed]:
    """Make all checks, and return all problems."""
    return [problem for check in checks for problem in _problems(check)]


def _problems(check: Check) -> Iterator[Failed]:
    try:
        check()
    except Several as several:
        yield from several.problems
    except Failed as problem:
        yield problem
