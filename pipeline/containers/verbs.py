"""Make Dagger functions from the verbs in pipeline/verbs; docs/architecture.md explains why."""

import json
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, getdoc
from typing import Annotated, Any, NoReturn

import dagger
from dagger import Doc, dag, function

from pipeline.containers.advice import for_dagger
from pipeline.containers.call import DaggerCall
from pipeline.containers.options import Options
from pipeline.containers.parameters import own_values, parameters, require_own, writes_folder
from pipeline.errors import PipelineError, SettingsError, most_telling
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.container import engine_error
from pipeline.steps.explanation import explained
from pipeline.verbs import AT_A_TERMINAL, IN_DAGGER, verb

J = dagger.JSON
GOES = "needs the nodes of an earlier deployment, and nodes on an emulator end with their call"
NOT_TRIED = {
    **dict.fromkeys(("backup", "verify", "restore"), GOES),
    "destroy": f"{GOES}; only --without-backup works",
    "rehearse": "starts an emulator of its own",
}
"""Verbs that do not work with the caller's emulator, and why."""
OF_A_TERMINAL = ("Example: ", "On this machine, ")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
acts: Decorator = function(cache="never")  # type: ignore[call-overload] # its overloads do not know `cache`


def verb_function(name: str) -> Callable[..., Any]:
    """Return a verb as a Dagger function: it fails with the verb's exit code, or returns the verb's result.

    Args:
        name: the verb's name.
    """
    taken = verb(name)
    returned = dagger.Directory if writes_folder(taken) else str

    async def called(self: Options, **given: Any) -> str | dagger.Directory:
        done = await attempt(self, name, given)
        if done.error:
            await fail(name, done.error, done.findings())
        if returned is str:
            return done.summary()
        done.progress.note(done.summary())
        return done.kept[name].with_new_file(done.page, done.summary())

    return _function(called, name.replace("-", "_"), _help(taken), parameters(taken), returned)


def run_function() -> Callable[..., Any]:
    """Return `run` as a Dagger function with the own options of all verbs."""
    which = Parameter("verb", Parameter.KEYWORD_ONLY, annotation=Annotated[str, Doc("One of the verbs.")])
    options = {each.name: each for name in IN_DAGGER for each in parameters(verb(name))}
    optional = [p.replace(default="") if p.default is p.empty else p for p in options.values()]
    return _function(run, "run", getdoc(run) or "", [which, *optional], dagger.Directory)


async def run(self: Options, verb: str, **given: Any) -> dagger.Directory:
    """Run a verb and always return a directory, even if the verb fails; for CI.

    The directory contains the report (index.html, run.json, junit.xml), exit-code, and page.txt with the
    findings and proofs. The last is page.json with --as-json, and page.html with --html. It also contains the
    states of a rehearsal, or saved plans, which have the same secrets as states.
    """
    done = await attempt(self, verb, given)
    code = done.error.exit_code if done.error else done.exit_code
    folder = dag.directory()
    texts = {"exit-code": f"{code}\n", done.page: done.summary()}
    try:
        texts.update(done.report.each_file())
    except Exception as error:  # a defect of the page must not hide the result
        done.progress.note(f"the report is incomplete: {type(error).__name__}: {error}")
    for name, text in texts.items():
        folder = folder.with_new_file(name, text)
    for name, kept in done.kept.items():
        folder = folder.with_directory(name, kept)
    return folder


async def attempt(self: Options, name: str, given: Mapping[str, Any]) -> DaggerCall:
    """Run a verb; return its call, which has the result or the error.

    Args:
        self: the module's object.
        name: the verb's name.
        given: Dagger's values by parameter name.
    """
    target = "localstack" if name == "rehearse" or self.emulator else "aws"
    report = Report(name, target, {"commit": self.commit or None})  # the toolbox adds the other facts
    done = DaggerCall(name, self, given, Progress(self.tool_output, for_dagger), report)
    try:
        if name in AT_A_TERMINAL:
            what = f"{name} opens ports of your machine, which a container cannot do"
            raise SettingsError(what, "type it at a terminal, in a checkout")
        if name not in IN_DAGGER:
            raise SettingsError(f"there is no verb {name!r}", f"use one of {', '.join(IN_DAGGER)}")
        if self.emulator and name in NOT_TRIED and not given.get("without_backup"):
            raise SettingsError(f"--emulator: {name} {NOT_TRIED[name]}", "omit --emulator")
        require_own(verb(name), given)
        await verb(name)(done, **own_values(verb(name), given))
    except Exception as error:
        done.error = explain(name, error, done.inputs)
        report.record_failure(done.error)
    return done


def _help(function: Callable[..., Any]) -> str:
    """Return a verb's help without the paragraphs for a terminal: the example, and "On this machine"."""
    paragraphs = (getdoc(function) or "").replace("\b\n", "").split("\n\n")
    return for_dagger("\n\n".join(each for each in paragraphs if not each.startswith(OF_A_TERMINAL)))


def _function(
    called: Callable[..., Any], name: str, doc: str, parameters: list[Parameter], returned: type
) -> Callable[..., Any]:
    """Give a function the signature that Dagger reads, so that options are declared only once."""
    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    called.__name__, called.__qualname__, called.__doc__ = name, f"Pipeline.{name}", doc
    called.__signature__ = Signature([itself, *parameters], return_annotation=returned)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returned}
    return acts(called)


async def fail(name: str, error: PipelineError, findings: str = "") -> NoReturn:
    """End the call with the error, its exit code and the findings, without a traceback."""
    failure = dag.error("\n".join(filter(None, [f"{name}: {error}", findings])))
    values = {"_type": "EXEC_ERROR", "exitCode": error.exit_code, "cmd": [name], "stdout": "", "stderr": ""}
    for key, value in values.items():
        failure = failure.with_value(key, J(json.dumps(value)))
    await dag.current_function_call().return_error(failure)
    raise SystemExit(1)


def explain(name: str, error: BaseException, inputs: Mapping[str, str]) -> PipelineError:
    """Return an error that an operator can read, also for a failure of the engine."""
    cause = most_telling(error)
    of_engine = engine_error(name, cause) if isinstance(cause, dagger.DaggerError) else None
    told = explained(of_engine or error, inputs)
    told.what, told.fix = for_dagger(told.what), for_dagger(told.fix)
    told.tail = "\n".join(
        for_dagger(line) if "`quickdata " in line else line for line in told.tail.split("\n")
    )
    return told
