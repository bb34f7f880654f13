"""The nodes of a rehearsal in Docker are like those on AWS."""

import re

from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.docker_nodes import BASE, OLDER_BASE

NAMES = {12: "bookworm", 13: "trixie"}
"""The names of Debian's releases: https://www.debian.org/releases/"""
DEFAULT = re.compile(r'variable "debian_release" \{[^}]*?default\s*=\s*(\d+)')


def test_the_nodes_have_the_debian_of_nodes_that_are_created_on_aws() -> None:
    code = (REPOSITORY / "infrastructure/terraform/variables.tf").read_text()
    release = int(DEFAULT.findall(code)[0])
    assert f"debian:{NAMES[release]}-slim" == BASE
    assert f"debian:{NAMES[release - 1]}-slim" == OLDER_BASE
