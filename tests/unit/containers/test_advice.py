"""Advice under Dagger: a command of the console becomes the call that does the same."""

import re

import pytest

from pipeline.containers.advice import for_dagger, problems_for_dagger
from pipeline.errors import RegionDiffers
from pipeline.settings.suffix import BASE_NAME, valid_suffix
from pipeline.steps.failures import KNOWN


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("quickdata unlock app --state s3", "dagger -m . call … --state s3 unlock --stack app --yes"),
        ("quickdata drill --database x --id ID", "dagger -m . call … drill --database x --backup-id ID"),
        ("quickdata plan --out plan", "dagger -m . call … plan -o plan"),
        (
            "quickdata drill --database local",
            "dagger -m . call … drill --database local",
        ),
        ("quickdata drill --database 'x --state s3'", "dagger -m . call … drill --database 'x --state s3'"),
        ("quickdata rehearse --nodes local --suffix a", "dagger -m . call … rehearse --suffix a"),
        ("aws s3api get-object --id x --json", "aws s3api get-object --id x --json"),
        ("quickdata plan --out infrastructure/.plan", "dagger -m . call … plan -o plan"),
        ("quickdata backups --json", "dagger -m . call … backups --as-json"),
        ("quickdata adopt storage", "dagger -m . call … adopt --stack storage --yes"),
        ("quickdata migrate-state --from local --to s3", "quickdata migrate-state --from local --to s3"),
        ("quickdata explode", "quickdata explode"),
        ("quickdata tunnel --state s3", "quickdata tunnel --state s3"),
        ("make test", "make test"),
    ],
)
def test_a_command_becomes_a_call(typed: str, called: str) -> None:
    assert for_dagger(f"first `{typed}`, then look") == f"first `{called}`, then look"


def test_an_option_that_stands_alone_has_the_modules_name() -> None:
    text = "restore with --id, or see `quickdata backups --json`; --id-card is none"
    told = "restore with --backup-id, or see `dagger -m . call … backups --as-json`; --id-card is none"
    assert for_dagger(text) == told


def test_a_command_that_a_name_cuts_off_stays_as_it_is() -> None:
    text = "`quickdata backups --database 'a`b'` lists them"
    assert for_dagger(text) == text


def test_a_variable_becomes_the_option_that_stands_for_it() -> None:
    text = "set VAULT_PASSWORD (--x env://VAULT_PASSWORD), or export TF_VAR_bucket_suffix=b; $AWS_REGION"
    assert (
        for_dagger(text)
        == "set --vault-password (--x env://VAULT_PASSWORD), or give --bucket-suffix=b; $AWS_REGION"
    )


HERE = re.compile(
    r"terraform\.tfstate|AWS_[A-Z_]+|TF_VAR_\w+|QUICKDATA_\w+|ANSIBLE_[A-Z_]+|\bPATH\b|~/|export"
)
"""What a caller of Dagger does not have."""


@pytest.mark.parametrize("fix", [fix for *_, fix in KNOWN])
def test_the_fix_of_a_known_failure_names_nothing_that_only_a_terminal_has(fix: str) -> None:
    assert not HERE.search(for_dagger(fix)), for_dagger(fix)


def test_all_variables_of_the_region_are_one_option() -> None:
    told = for_dagger(RegionDiffers.between("storage", "eu-west-1", "eu-west-3").fix)
    assert told == "nothing was changed; set --aws-region to eu-west-1"


def test_a_suffix_is_not_exported_to_dagger() -> None:
    with pytest.raises(ValueError, match=r"use a suffix like team-7") as caught:
        valid_suffix("a..b", BASE_NAME)
    assert "export" not in for_dagger(str(caught.value))


def test_half_a_key_pair_is_told_without_a_profile() -> None:
    problem = "  AWS_ACCESS_KEY_ID: half; set both halves of the key pair, or fix the profile"
    told = problems_for_dagger(problem, {"AWS_ACCESS_KEY_ID": "x"})
    assert told.endswith("--aws-access-key-id (AWS_ACCESS_KEY_ID): half; set both halves of the key pair")
