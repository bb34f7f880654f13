"""The page of the policies for whoever deploys: their copies, their commands, and each statement's reason."""

import json
import re
import subprocess
from pathlib import Path

import boto3
import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.settings.suffix import BASE_NAME
from tests.support.denied_calls import Call
from tests.support.denied_to_deployer import DENIED
from tests.support.deployer_policy import FILES, actions, filled_in, statements
from tests.support.documents import FENCED, INDENTED

PAGE = REPOSITORY / "docs/deployer.md"
LARGEST = 6144
"""Characters of a managed policy without white space: IAM User Guide, "IAM and AWS STS quotas"."""
LONGEST = "x" * (64 - len("quickdata--database"))
"""The longest suffix that the role's name allows: the same page, "IAM name requirements"."""


def test_the_page_has_the_very_policies_that_are_tested() -> None:
    copy = r"`infrastructure/deployer/(\w+)\.json`:\n\n```json\n(.*?)```"
    copies = dict(re.findall(copy, PAGE.read_text(), re.DOTALL))
    assert copies == {name: path.read_text() for name, path in FILES.items()}


def test_the_pages_commands_fill_in_what_the_tests_fill_in(tmp_path: Path) -> None:
    block = INDENTED.findall(FENCED.sub("", PAGE.read_text()))[0]
    lines = [line.removeprefix("    ") for line in block.splitlines()]
    script = "\n".join(line for line in lines[: lines.index("done") + 1] if "aws iam" not in line)
    (tmp_path / "infrastructure").symlink_to(REPOSITORY / "infrastructure")
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    for name, path in FILES.items():
        text = (tmp_path / f"filled-in/{name}.json").read_text()
        expected = filled_in(path.read_text(), "ppr").replace("0" * 12, "123456789012")
        assert text == expected
        assert not re.search(r"\b[A-Z]{4,}\b", text.replace("quickdata", ""))


def test_the_page_says_of_every_statement_what_it_is_for() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", PAGE.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {each["Sid"] for each in statements()}


@pytest.mark.parametrize("name", FILES)
def test_a_policy_is_not_larger_than_iam_takes(name: str) -> None:
    text = filled_in(FILES[name].read_text(), LONGEST, BASE_NAME, "ap-southeast-1")
    assert len(re.sub(r"\s", "", text)) <= LARGEST


@pytest.mark.parametrize("service", ["ec2", "iam"])
def test_an_action_is_one_that_the_service_knows(service: str) -> None:
    known = boto3.client(service, region_name="eu-west-3").meta.service_model.operation_names
    named = {each.partition(":")[2] for each in actions() if each.startswith(f"{service}:")}
    assert named - set(known) - {"PassRole"} == set()


def test_no_statement_allows_every_action_of_a_service_or_every_resource_but_reads() -> None:
    wide = [each for each in actions() if each.endswith("*")]
    assert wide == ["s3:GetBucket*"]
    assert [each["Sid"] for each in statements() if each["Resource"] in ("*", ["*"])] == ["ReadEC2"]


def test_the_denied_calls_have_names_of_their_own() -> None:
    names = [call.name for call in DENIED if isinstance(call, Call)]
    assert len(names) == len(set(names)) > 90
    json.dumps([call.arguments for call in DENIED])
