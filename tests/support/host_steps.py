"""Steps of Python on the host runner, and the secret that it holds."""

import sys

from pipeline.steps.step import Step

SECRET = "s3cr3t/with+signs"


def python(code: str, **more: object) -> Step:
    return Step("probe", (sys.executable, "-c", code), **more)  # type: ignore[arg-type]
