"""A verb's command: the options that it declares, those of its kind of call, and what happens then."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args, get_origin

import click
from typing_extensions import Doc

from pipeline.cli.console import run_verb, run_without_report
from pipeline.settings.states import STATES
from pipeline.verbs import WITHOUT_REPORT, Verb, verb
from pipeline.verbs.call import AccountCall, Call, DeploymentCall, DrillCall, MigrationCall, NodesCall
from pipeline.verbs.options import Option, option_of, without_none

INPUTS = """\b
Reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or other credentials that boto3 finds),
AWS_REGION, TF_VAR_bucket_suffix, TF_VAR_s3_bucket_base_name"""
OF_STATES = """QUICKDATA_STATE, QUICKDATA_PROVIDER_MIRROR, QUICKDATA_STATE_PASSPHRASE;
with states in GitLab also GITLAB_URL and GITLAB_PROJECT"""
OF_NODES = f"""TF_VAR_admin_cidr, TF_VAR_domain, TF_VAR_workers,
TF_VAR_open_nocodb_port, TF_VAR_instance_types, TF_VAR_disk_gib,
TF_VAR_debian_release, TF_VAR_ami_id,
GITLAB_USER and GITLAB_PAT, QUICKDATA_SSH_KEY,
{OF_STATES}"""
OF_DEPLOYMENT = f"""VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE,
{OF_NODES}"""
EPILOGS: dict[object, str] = {
    Call: "",
    AccountCall: f"{INPUTS}.",
    DeploymentCall: f"{INPUTS},\n{OF_DEPLOYMENT}.",
    DrillCall: f"{INPUTS}.\n\n\b\nWith --physical also {OF_DEPLOYMENT}.",
    MigrationCall: f"{INPUTS},\n{OF_DEPLOYMENT}.",
    NodesCall: f"{INPUTS},\n{OF_NODES}.",
}
VERBOSE = click.Option(["-v", "--verbose"], is_flag=True, help="Show the tools' output.")
ASK_VAULT_PASSWORD = click.Option(
    ["--ask-vault-password"], is_flag=True, help="Ask for the vault's password instead of reading a file."
)
STATE = click.Option(
    ["--state"],
    type=click.Choice(STATES),
    help="Where the states are kept. Default: QUICKDATA_STATE, or local.",
)


COMMON: dict[object, tuple[click.Option, ...]] = {
    Call: (VERBOSE,),
    AccountCall: (VERBOSE,),
    DeploymentCall: (STATE, ASK_VAULT_PASSWORD, VERBOSE),
    DrillCall: (STATE, ASK_VAULT_PASSWORD, VERBOSE),
    MigrationCall: (ASK_VAULT_PASSWORD, VERBOSE),
    NodesCall: (STATE,),
}
"""The options of all verbs of a kind of call."""


def command(name: str) -> click.Command:
    """Return a verb as a command.

    Args:
        name: the verb's name.
    """
    function = verb(name)
    call, *own = inspect.signature(function).parameters.values()
    parameters = [_parameter(each) for each in own]
    return click.Command(
        name,
        params=[*parameters, *(each for each in COMMON[call.annotation] if _fits(name, each))],
        callback=partial(_run, function, name),
        help=inspect.getdoc(function),
        epilog=EPILOGS[call.annotation],
    )


def _fits(name: str, option: click.Option) -> bool:
    return option is not VERBOSE or name not in WITHOUT_REPORT


def _run(function: Verb, name: str, **values: Any) -> None:
    common = {each: values.pop(each, None) for each in ("verbose", "ask_vault_password", "state")}
    bound = partial(function, **values)
    if name in WITHOUT_REPORT:
        run_without_report(bound, name, common["state"])
    else:
        run_verb(bound, name, **common)


def _parameter(parameter: inspect.Parameter) -> click.Parameter:
    """Return what click makes of a verb's parameter."""
    kind, *notes = get_args(parameter.annotation)
    option = option_of(parameter)
    name, required = parameter.name, parameter.default is parameter.empty
    if option.argument:
        choices = get_args(kind)
        return click.Argument([name], metavar="|".join(choices), type=click.Choice(choices))
    return click.Option(
        [f"--{option.name or name.strip('_').replace('_', '-')}", name],
        type=_type(kind, option),
        is_flag=True if kind is bool else None,
        **({"required": True} if required else {"default": parameter.default}),
        show_default=not required and isinstance(parameter.default, (str, PurePosixPath)),
        metavar=option.metavar or None,
        callback=_checked(option.check) if option.check else None,
        help=next(each.documentation for each in notes if isinstance(each, Doc)),
    )


def _type(kind: Any, option: Option) -> Any:
    """Return click's type for a parameter's."""
    kind = without_none(kind)
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if option.folder:
        return click.Path(exists=option.folder == "read", file_okay=False, path_type=Path)
    return None if kind is bool else kind


def _checked(check: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
