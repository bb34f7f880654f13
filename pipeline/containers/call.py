"""A call of a verb through Dagger: its options, declared once for all verbs, and what it comes to."""

import json
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from inspect import Parameter, Signature, getdoc, signature
from typing import Annotated, Any, NoReturn, Protocol

import dagger
from dagger import Doc, Name, dag, function

from pipeline.containers import deployment as contained
from pipeline.containers import images
from pipeline.containers.toolbox import Toolbox, ToolboxSources
from pipeline.errors import PipelineError, most_telling
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.container import engine_error
from pipeline.settings.suffix import BASE_NAME
from pipeline.steps.failures import mendable

J = dagger.JSON
Secret = dagger.Secret | None
Acts = Callable[[Callable[..., Any]], Callable[..., Any]]
acts: Acts = function(cache="never")  # type: ignore[call-overload] # its overloads do not know `cache`

LAST_FRAMES = 6
"""Lines of a defect's traceback that its error shows."""


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Where the tools come from: closed networks have their own."""

    toolbox_image: Annotated[str, Doc("An image with Python 3.11 on Debian.")] = images.TOOLBOX
    tofu_image: Annotated[str, Doc("An image with /usr/local/bin/tofu.")] = images.TOFU
    tofu_binary: Annotated[dagger.File | None, Doc("OpenTofu or Terraform itself, instead of an image.")] = (
        None
    )
    provider_mirror: Annotated[dagger.Directory | None, Doc("Holds registry.*/hashicorp/aws/….")] = None
    index_url: Annotated[str, Doc("A Python package index, without a password in it.")] = ""
    verbose: Annotated[bool, Doc("Show what the tools themselves print."), Name("toolOutput")] = False

    @property
    def sources(self) -> ToolboxSources:
        """What the toolbox is made of."""
        binary, mirror = self.tofu_binary, self.provider_mirror
        return ToolboxSources(self.toolbox_image, self.tofu_image, binary, mirror, self.index_url)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a deployment reads from the environment elsewhere; names are the variables'."""

    bucket_base_name: Annotated[str, Doc("Begins the bucket's name.")] = BASE_NAME
    bucket_suffix: Annotated[str, Doc("Ends every name.")] = ""
    admin_cidr: Annotated[str, Doc("Who may reach SSH and NocoDB, such as 203.0.113.7/32.")] = ""
    domain: Annotated[str, Doc("Name under which NocoDB is served to the world; empty: it is not.")] = ""
    workers: Annotated[int, Doc("Swarm workers beside manager and database.")] = 0
    aws_region: Annotated[str, Doc("Region.")] = "eu-west-3"
    aws_access_key_id: Annotated[Secret, Doc("With the next one, a key pair.")] = None
    aws_secret_access_key: Annotated[Secret, Doc("The other half.")] = None
    aws_session_token: Annotated[Secret, Doc("Of temporary keys.")] = None
    aws_role_arn: Annotated[str, Doc("Role to assume with the web identity, instead of keys.")] = ""
    aws_web_identity_token: Annotated[Secret, Doc("Such as GitLab's ID token.")] = None
    ssh_key: Annotated[Secret, Doc("Private key of the nodes' administrator, without a passphrase.")] = None
    vault: Annotated[dagger.File | None, Doc("The encrypted vault.yml, if the checkout has none.")] = None
    vault_password: Annotated[Secret, Doc("Opens the vault.")] = None
    state: Annotated[str, Doc("Where the states are kept: s3 or gitlab.")] = "s3"
    state_passphrase: Annotated[Secret, Doc("Encrypts the states.")] = None
    gitlab_url: Annotated[str, Doc("The GitLab that keeps the states.")] = ""
    gitlab_project: Annotated[str, Doc("Its project's number or path.")] = ""
    gitlab_user: Annotated[str, Doc("With the next one, for the images' registry.")] = ""
    gitlab_pat: Annotated[Secret, Doc("GitLab's personal access token.")] = None

    @property
    def given(self) -> contained.Given:
        """The same by the variables' names."""
        values = {
            variable(each.name): getattr(self, each.name) for each in fields(self) if each.name != "vault"
        }
        secrets = {name: each for name, each in values.items() if isinstance(each, dagger.Secret)}
        plain = {name: str(each) for name, each in values.items() if isinstance(each, (str, int))}
        return contained.Given(plain, secrets)


def variable(option: str) -> str:
    """Return the name of the environment variable that an option stands for."""
    if option == "bucket_base_name":  # Dagger's command line would cut "s3" in two: --s-3-bucket-base-name
        return "TF_VAR_s3_bucket_base_name"
    if option in ("bucket_suffix", "admin_cidr", "domain", "workers"):
        return f"TF_VAR_{option}"
    if option in ("ssh_key", "state", "state_passphrase"):
        return f"QUICKDATA_{option.upper()}"
    return contained.WEB_IDENTITY if option == "aws_web_identity_token" else option.upper()


@dataclass
class Attempt:
    """One call of a verb: what it was given, and what it came to."""

    name: str
    given: Mapping[str, Any]
    report: Report
    progress: Progress
    kept: dict[str, dagger.Directory] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    error: PipelineError | None = None

    def options(self, declared: Callable[..., Any]) -> dict[str, Any]:
        """Return what was given of the parameters that something declares."""
        return {name: self.given[name] for name in signature(declared).parameters if name in self.given}

    def summary(self) -> str:
        """Return what was proven and what was not, in words."""
        proven = [f"✓ {about}: {proof['words']}" for about, proof in self.report.proofs.items()]
        return (
            "\n".join(
                [
                    *self.told,
                    *self.report.findings,
                    *proven,
                    *(f"- not proven here: {text}" for text in self.report.not_proven),
                ]
            )
            + "\n"
        )


class Module(Protocol):
    """What a verb needs of the module's object."""

    @property
    def infrastructure(self) -> dagger.Directory:
        """The folder with both stacks and the playbooks."""

    async def box(self, attempt: Attempt) -> Toolbox:
        """Return the toolbox."""


Verb = Callable[[Any, Attempt], Awaitable[None]]
VERBS: dict[str, Verb] = {}
OPTIONS: dict[str, Parameter] = {}


def declare(name: str, verb: Verb, doc: str, *declared: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb as a Dagger function: it fails with the verb's exit code, or returns what came of it.

    Args:
        name: the function's name: the verb's, with an underscore for a hyphen.
        verb: what it does.
        doc: its help.
        declared: what has its options for parameters.
    """

    async def called(self: Any, **given: Any) -> str | dagger.Directory:
        done: Attempt = await self.attempt(name.replace("_", "-"), given)
        if done.error:
            await fail(name, done.error, done.report.findings)
        return (
            done.kept[name].with_new_file("page.txt", done.summary()) if name in done.kept else done.summary()
        )

    parameters = [p for each in declared for p in signature(each).parameters.values() if p.name != "d"]
    VERBS[name.replace("_", "-")] = verb
    OPTIONS.update({p.name: p for p in parameters})
    return _function(
        called, name, doc.partition("\n\nArgs:")[0], parameters, dagger.Directory if name == "plan" else str
    )


def _function(
    called: Callable[..., Any], name: str, doc: str, parameters: list[Parameter], returned: type
) -> Callable[..., Any]:
    """Give a function the signature that Dagger reads: the options are declared once, not in every verb."""
    named = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in parameters]
    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    called.__name__, called.__qualname__, called.__doc__ = name, f"Pipeline.{name}", doc
    called.__signature__ = Signature([itself, *named], return_annotation=returned)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in named} | {"return": returned}
    return acts(called)


async def _always(self: Any, verb: str, **given: Any) -> dagger.Directory:
    """Do a verb's work and return a directory whatever comes of it, for CI to export.

    It holds run.json, junit.xml, exit-code, and what the verb itself keeps: a rehearsal's states.
    """
    done = await self.attempt(verb, given)
    files = done.report.files() | {"exit-code": f"{done.error.exit_code if done.error else 0}\n"}
    found = dag.directory()
    for name, text in files.items():
        found = found.with_new_file(name, text)
    for name, kept in done.kept.items():
        found = found.with_directory(name, kept)
    return found


def always() -> Callable[..., Any]:
    """Return `run` as a Dagger function: it takes every verb's options."""
    which = Parameter("verb", Parameter.KEYWORD_ONLY, annotation=Annotated[str, Doc("One of the verbs.")])
    optional = [p.replace(default="") if p.default is p.empty else p for p in OPTIONS.values()]
    return _function(_always, "run", getdoc(_always) or "", [which, *optional], dagger.Directory)


async def fail(name: str, error: PipelineError, findings: Iterable[str] = ()) -> NoReturn:
    """End the call with what was found, the error's own lines and its exit code, without a traceback."""
    found = dag.error("\n".join([f"{name}: {error}", *findings]))
    values = {"_type": "EXEC_ERROR", "exitCode": error.exit_code, "cmd": [name], "stdout": "", "stderr": ""}
    for key, value in values.items():
        found = found.with_value(key, J(json.dumps(value)))
    await dag.current_function_call().return_error(found)
    raise SystemExit(1)


def told(name: str, error: BaseException) -> PipelineError:
    """Return an error that a person can read; of a defect, with the end of its traceback."""
    found, notes = mendable(most_telling(error)), getattr(error, "__notes__", [])
    if isinstance(found, PipelineError):
        found.tail = "\n".join(filter(None, [found.tail, *notes]))
        return found
    if isinstance(found, dagger.DaggerError):
        return engine_error(name, found)
    # Not the error's own words: a KeyError's are the key, which may be a secret.
    frames = "".join(traceback.format_tb(found.__traceback__)).splitlines()[-LAST_FRAMES:]
    return PipelineError(
        f"a defect: {type(found).__name__}", "report it with the lines below", "\n".join(frames)
    )
