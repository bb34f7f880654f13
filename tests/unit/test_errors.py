"""The family of errors, as it is drawn at the top of its file."""

import re

from pipeline import errors
from pipeline.errors import PipelineError

DRAWN = re.compile(r"^    ([│├└─ ]*)([A-Z][A-Za-z]+) +(\d+)", re.MULTILINE)


def family(error: type[PipelineError], depth: int = 0) -> list[tuple[int, str, int]]:
    """Return an error and those that descend from it, each with its depth and its exit code."""
    below = [each for child in error.__subclasses__() for each in family(child, depth + 1)]
    ours = error.__module__ == errors.__name__
    return [(depth, error.__name__, error.exit_code), *below] if ours else below


def test_the_tree_at_the_top_of_the_file_is_the_family() -> None:
    drawn = [(len(lines) // 4, name, int(code)) for lines, name, code in DRAWN.findall(errors.__doc__ or "")]
    assert drawn == family(PipelineError)
