"""What the error that ended a run means to its reader; a terminal, Dagger and the report tell it alike."""

import traceback
from collections.abc import Mapping

from pipeline.errors import PipelineError, most_telling
from pipeline.steps.failures import with_fix
from pipeline.steps.masks import Masks, secrets_among

LAST_FRAMES = 6
"""Lines of a defect's traceback that its error shows."""


def explained(error: BaseException, variables: Mapping[str, str]) -> PipelineError:
    """Return an error that an operator can read; of a defect, with the end of its traceback.

    Args:
        error: what ended the run; of a group, the most telling error is explained.
        variables: the environment, or a call's values by the variables' names; the secrets in it are covered.
    """
    cause = most_telling(error)
    fixable = with_fix(cause)
    told = fixable if isinstance(fixable, PipelineError) else _defect(fixable)
    notes = dict.fromkeys(note for each in (error, cause) for note in getattr(each, "__notes__", ()))
    cover = Masks(secrets_among(variables)).cover
    tail = "\n".join(filter(None, [told.tail, *notes]))
    told.what, told.fix, told.tail = cover(told.what), cover(told.fix), cover(tail)
    return told


def _defect(error: BaseException) -> PipelineError:
    """Return what is told of a defect: not its own words, for a KeyError's are the key, maybe a secret."""
    frames = "".join(traceback.format_tb(error.__traceback__)).splitlines()[-LAST_FRAMES:]
    what = f"a defect: {type(error).__name__}"
    return PipelineError(what, "report it with the lines below", "\n".join(frames))
