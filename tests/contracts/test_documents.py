"""The pages for maintainers name what exists: files, targets of make, packages, variables of roles."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline.machine.repository import REPOSITORY
from tests.support.documents import DOCUMENTS, LINK, PATH, TARGET

ROLES = sorted((REPOSITORY / "infrastructure/ansible/roles").iterdir())
ARCHITECTURE = REPOSITORY / "docs/architecture.md"
PACKAGES = {path.parent.name for path in (REPOSITORY / "pipeline").glob("*/__init__.py")}

MADE = (".tfstate", "/vault.yml")
"""Files that a user or a run makes, and git ignores."""


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", DOCUMENTS, ids=relative)
def test_a_page_names_only_files_and_targets_that_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(text)) <= targets
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []
    named = [path for path in PATH.findall(text) if not path.endswith(MADE)]
    assert [path for path in named if not list(REPOSITORY.glob(path))] == []


def test_the_pages_are_found() -> None:
    """Otherwise nothing above would be looked at."""
    names = {relative(page) for page in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", ".gitlab/issue_templates/Bug.md"} <= names
    assert PATH.findall(ARCHITECTURE.read_text())
    assert TARGET.findall((REPOSITORY / "CONTRIBUTING.md").read_text())


def test_the_architecture_says_of_every_package_which_question_it_answers() -> None:
    text = ARCHITECTURE.read_text()
    assert set(re.findall(r"^\| `pipeline/([a-z]+)/` \|", text, re.MULTILINE)) == PACKAGES
    [picture] = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert set(re.findall(r"[a-z]+", picture)) >= PACKAGES


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_roles_page_lists_its_variables(role: Path) -> None:
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"][
        "options"
    ]
    assert re.findall(r"^\| `([a-z_]+)` \|", (role / "README.md").read_text(), re.MULTILINE) == list(specs)


def test_the_licence_is_one() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    roles = [yaml.safe_load((role / "meta/main.yml").read_text())["galaxy_info"]["license"] for role in ROLES]
    assert {project["license"], *roles} == {"MIT"}
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License\n")
