"""A call on AWS, as Dagger hands it over."""

from typing import Any

from dagger import dag

from pipeline.errors import PipelineError
from tests.support.calls import options

PLAIN = {"bucket_suffix": "ppr", "admin_cidr": "203.0.113.7/32", "aws_region": "eu-central-1"}


SECRETS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "of-aws", "vault_password": "sesame"}


def given(name: str, **more: Any) -> dict[str, Any]:
    """Return what a call of a verb is handed, its secrets by the engine's own."""
    secrets = {
        each: dag.set_secret(each, more.pop(each, value))
        for each, value in (SECRETS | {e: "" for e in ("ssh_key", "state_passphrase") if e in more}).items()
    }
    return options(name) | PLAIN | secrets | more


class Reached(PipelineError):  # noqa: N818 - says what happened
    """The deployment was about to be used."""
