"""Both OpenTofu roots, as the tool on this machine judges them; the other tool's judgement is in long/."""

import re
from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY
from tests.support.by_hand import terminal
from tests.support.hcl import ROOTS, require_valid_and_every_claim

STORAGE = REPOSITORY / "infrastructure/terraS3"
BUCKETS = {
    "version 5": '{ region = "eu-west-3" }',
    "version 6": '{ region = "eu-north-1", bucket_region = "eu-west-3" }',
}
"""The attributes of a bucket in eu-west-3. From version 6 on, `region` is the region that was asked for."""


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_valid_and_every_claim_about_it_holds(tmp_path: Path, root: str) -> None:
    require_valid_and_every_claim(tmp_path, root)


def test_the_configuration_is_formatted(tmp_path: Path) -> None:
    person = terminal(tmp_path)
    checked = person.type(".", person.tofu, "fmt", "-check", "-diff", "-recursive")
    assert (checked.exit_code, checked.said) == (0, "")


@pytest.mark.parametrize("bucket", BUCKETS.values(), ids=BUCKETS)
def test_the_buckets_own_region_counts_with_both_versions_of_the_provider(
    tmp_path: Path, bucket: str
) -> None:
    """A mocked provider has the attributes of version 5, so the expressions are evaluated alone."""
    [output] = re.findall(r'output "region" {[^}]*value += (.+)', (STORAGE / "outputs.tf").read_text())
    [same] = re.findall(r"condition += (.+ == )var\.region", (STORAGE / "s3.tf").read_text())
    asked = "\n".join([output, f'{same}"eu-west-3"', f'{same}"eu-north-1"'])
    asked = re.sub(r"\baws_s3_bucket\.backups\b|\bself\b", "local.bucket", asked)
    person = terminal(tmp_path)
    (person.infrastructure / "bucket").mkdir()
    (person.infrastructure / "bucket/main.tf").write_text(f"locals {{\n  bucket = {bucket}\n}}\n")
    answers = person.run("bucket", person.tofu, "console", stdin=f"{asked}\n").split()
    assert answers == ['"eu-west-3"', "true", "false"]
