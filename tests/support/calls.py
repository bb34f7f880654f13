"""What Dagger hands to the module's functions."""

from typing import Any

from pipeline.module import Pipeline

FUNCTIONS = Pipeline.__dagger_object_type__.functions  # type: ignore[attr-defined]


def options(name: str) -> dict[str, Any]:
    """What Dagger hands to a function of which nothing was given."""
    parameters = FUNCTIONS[name].signature.parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("self", "verb")}
