"""Explain the error that ended a run. A terminal, Dagger and the report show the same explanation."""

import traceback
from collections.abc import Mapping

from pipeline.errors import PipelineError, most_telling
from pipeline.steps.failures import with_fix
from pipeline.steps.masks import Masks, secrets_among

LAST_FRAMES = 6
"""How many lines of a traceback the error of a defect shows."""


def explained(error: BaseException, variables: Mapping[str, str]) -> PipelineError:
    """Return an error that an operator can read. For a defect, it has the end of the traceback.

    Args:
        error: the error that ended the run; in a group, the most telling error is explained.
        variables: the environment, or a call's values by variable name. The secrets in them are masked.
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
    """Return the error for a defect, without its message: that of a KeyError is the key, maybe a secret."""
    frames = "".join(traceback.format_tb(error.__traceback__)).splitlines()[-LAST_FRAMES:]
    what = f"a defect in the pipeline: {type(error).__name__}"
    return PipelineError(what, "report this defect with the lines below", "\n".join(frames))
