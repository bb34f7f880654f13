"""What Dagger hands to the module's functions."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pipeline.containers import verbs
from pipeline.containers.call import DaggerCall
from pipeline.module import Pipeline

FUNCTIONS = Pipeline.__dagger_object_type__.functions  # type: ignore[attr-defined]


async def attempt(pipeline: Pipeline, name: str, given: Mapping[str, Any]) -> DaggerCall:
    """Call a verb with options of the module and its own."""
    own = {each: given[each] for each in given.keys() - {f.name for f in fields(pipeline)}}
    return await verbs.attempt(configured(pipeline, given), name, own)


def configured(pipeline: Pipeline, given: Mapping[str, Any]) -> Pipeline:
    """Return the module with those of these options that are its own."""
    names = {each.name for each in fields(pipeline)} & given.keys()
    return replace(pipeline, **{each: given[each] for each in names})


def options(name: str) -> dict[str, Any]:
    """What Dagger hands to a function of which nothing was given."""
    parameters = FUNCTIONS[name].signature.parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("self", "verb")}
