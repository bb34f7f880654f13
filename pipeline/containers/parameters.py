"""Convert a verb's parameters for Dagger, and Dagger's values for the verb."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args, get_origin

import dagger
from dagger import Doc, Name

from pipeline.errors import SettingsError
from pipeline.verbs import IN_DAGGER, verb
from pipeline.verbs.options import Option, option_of, without_none

PLANS = PurePosixPath("infrastructure/.plan")
"""The folder of plans in a temporary workspace. It is hidden, so it does not count as code of the plans."""


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a verb, as Dagger reads them.

    Args:
        function: the verb's function.
    """
    _, *own = signature(function).parameters.values()
    taken = [_parameter(each) for each in own if _is_option(option_of(each))]
    return [each.replace(kind=Parameter.KEYWORD_ONLY) for each in taken]


def own_values(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a verb's own options.

    Args:
        function: the verb's function.
        given: Dagger's values by parameter name.

    Raises:
        SettingsError: an option has a wrong value.
    """
    _, *own = signature(function).parameters.values()
    return {each.name: _value(each, given) for each in own if not option_of(each).terminal_only}


def require_own(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Make sure that `run`, which has the options of all verbs, got no option of another verb.

    Args:
        function: the verb's function.
        given: Dagger's values by parameter name.

    Raises:
        SettingsError: there is such an option; nothing was done.
    """
    own = {each.name for each in parameters(function)}
    every = {each.name: each for name in IN_DAGGER for each in parameters(verb(name))}
    wrong = [n for n, p in every.items() if n not in own and given.get(n) not in (None, "", False, p.default)]
    if wrong:
        named = ", ".join(f"--{name.strip('_').replace('_', '-')}" for name in wrong)
        what = f"{named}: not an option of {function.__name__.replace('_', '-')}"
        raise SettingsError(what, "omit it, or name the verb that has this option")


def writes_folder(function: Callable[..., Any]) -> bool:
    """Tell whether a verb writes a folder, which its function returns."""
    _, *own = signature(function).parameters.values()
    return any(option_of(each).folder == "written" for each in own)


def _is_option(option: Option) -> bool:
    return not option.terminal_only and option.folder != "written"


def _parameter(parameter: Parameter) -> Parameter:
    """Return a verb's parameter with a type that Dagger has: Dagger has no Literal, and no path."""
    kind, *notes = get_args(parameter.annotation)
    told: list[Any] = [Doc(n.documentation.replace("`", "")) for n in notes if isinstance(n, Doc)]
    if parameter.name != (name := parameter.name.strip("_")):
        told.append(Name(name))  # "from" is a keyword of Python
    if option_of(parameter).folder:
        kind = dagger.Directory | None
    elif get_origin(without_none(kind)) is Literal:
        told[0] = Doc(f"{told[0].documentation} One of {', '.join(get_args(without_none(kind)))}.")
        kind = str if kind is without_none(kind) else str | None
    return parameter.replace(annotation=Annotated[kind, *told])


def _value(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    option, value = option_of(parameter), given.get(parameter.name, parameter.default)
    if option.folder:
        return PLANS if value or option.folder == "written" else None
    kind = without_none(get_args(parameter.annotation)[0])
    try:
        if get_origin(kind) is Literal and value is not None and value not in get_args(kind):
            raise ValueError(f"{value!r} is not a valid value; use one of {', '.join(get_args(kind))}")
        return option.check(value) if option.check else value
    except ValueError as error:
        name = parameter.name.strip("_").replace("_", "-")
        what, _, fix = str(error).rpartition("; ")
        raise SettingsError(f"--{name}: {what or fix}", fix if what else "give another value") from None
