"""The pages name what exists: files, headings, targets of make, options, variables, packages.

`tests/unit/test_advice.py` parses the commands of `quickdata` on them, `test_module.py` the calls of Dagger.
"""

import re
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from pipeline.containers.options import Options
from pipeline.machine.repository import REPOSITORY
from tests.support.calls import FUNCTIONS
from tests.support.documents import DOCUMENTS, FENCED, PATH, QUOTED, TARGET, anchors, commands, links, prose
from tests.support.verbs import COMMANDS

ROLES = sorted((REPOSITORY / "infrastructure/ansible/roles").iterdir())
ARCHITECTURE = REPOSITORY / "docs/architecture.md"
PACKAGES = {path.parent.name for path in (REPOSITORY / "pipeline").glob("*/__init__.py")}

MADE = (".tfstate", "/vault.yml")
"""Files that a user or a run makes, and git ignores."""


FIGURE, ARROW = re.compile(r"\d+"), re.compile(r"(\w+) --> (\w+)")
README, FRENCH = REPOSITORY / "README.md", REPOSITORY / "README.fr.md"
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))

VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Za-z0-9]+)+\b")
OTHERS = {"TF_STATE_PERSIST_INTERVAL", "SQL_ASCII"}
"""What looks like a variable, and is OpenTofu's or PostgreSQL's."""
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
CONTENTS = re.compile(r"^- \[(.+)\]\(#.+\)$", re.MULTILINE)
"""A line of a page's list of contents."""
ON_THE_NODE = {"--verify"}
"""The options of `restore-pg-latest.sh` that are not those of a verb."""


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


every_page = pytest.mark.parametrize("page", DOCUMENTS, ids=relative)


@every_page
def test_a_page_names_only_files_and_targets_that_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(text)) <= targets
    named = [path for path in PATH.findall(text) if not path.endswith(MADE)]
    assert [path for path in named if not list(REPOSITORY.glob(path))] == []


@every_page
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for link in links(page):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@every_page
def test_a_list_of_contents_has_every_heading_of_the_page_in_its_order(page: Path) -> None:
    listed = CONTENTS.findall(page.read_text())
    headings = re.findall(r"^## (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    assert listed in ([], headings)


@every_page
def test_every_row_of_a_table_stands_below_its_head(page: Path) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", FENCED.sub("", page.read_text()), re.MULTILINE)
    assert [table for table in tables if not re.match(r"\|.*\n\|(?:-+\|)+\n", table)] == []


def test_the_pages_are_found() -> None:
    """Otherwise nothing above would be looked at."""
    names = {relative(page) for page in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", ".gitlab/issue_templates/Bug.md"} <= names
    assert PATH.findall(ARCHITECTURE.read_text())
    assert TARGET.findall((REPOSITORY / "CONTRIBUTING.md").read_text())
    assert len([link for page in PAGES for link in links(page) if "#" in link]) > 20
    assert len([page for page in PAGES if CONTENTS.search(page.read_text())]) >= 5


def sources() -> str:
    """Return all that is code or configuration: what is no page, no test and no benchmark."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    names = (
        name for name in listed.stdout.splitlines() if not name.startswith(("tests/", "benchmarks/", "docs/"))
    )
    files = (REPOSITORY / name for name in names if not name.endswith((".md", ".lock")))
    return "\n".join(file.read_text() for file in files if file.is_file())


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """Every name that the code reads or sets; of OpenTofu's, the variables that a stack declares."""
    text = sources()
    found = {name for name in VARIABLE.findall(text) if not name.startswith("TF_VAR_")}
    return found | {f"TF_VAR_{name}" for name in re.findall(r'^variable "(\w+)"', text, re.MULTILINE)}


@every_page
def test_a_variable_that_a_page_names_is_one_that_the_code_knows(page: Path, variables: set[str]) -> None:
    named = {name for words in QUOTED.findall(page.read_text()) for name in VARIABLE.findall(words)}
    assert named - OTHERS <= variables


def options(verb: str) -> set[str]:
    """Return the options of a verb, at a terminal and under Dagger."""
    terminal = COMMANDS[verb].params if verb in COMMANDS else ()
    module = FUNCTIONS[verb.replace("-", "_")].parameters
    return {name for option in terminal for name in option.opts} | {f"--{written(name)}" for name in module}


def written(name: str) -> str:
    return name.replace("_", "-")


VERBS = {written(name): options(written(name)) for name in FUNCTIONS if name not in ("lint", "test_unit")}
EVERYWHERE = {f"--{written(each.name)}" for each in fields(Options)}
KNOWN = EVERYWHERE | ON_THE_NODE | set().union(*VERBS.values())


@every_page
def test_an_option_that_a_page_names_is_one_of_its_verb(page: Path) -> None:
    for words in QUOTED.findall(FENCED.sub("", page.read_text())):
        first, named = words.split()[0], set(OPTION.findall(words))
        if first in VERBS:
            assert named <= VERBS[first], words
        elif first.startswith("--"):
            assert named <= KNOWN, words


def test_the_french_readme_has_the_same_commands_links_and_variables() -> None:
    assert commands(README) == commands(FRENCH)
    assert len(commands(README)) > 5
    others = {README: FRENCH.name, FRENCH: README.name}
    english, french = ([link for link in links(page) if link != others[page]] for page in others)
    assert english == french
    assert all(others[page] in links(page) for page in others)
    english, french = (VARIABLE.findall(page.read_text()) for page in others)
    assert english == french
    english, french = (FIGURE.findall(page.read_text()) for page in others)
    assert english == french
    english, french = (ARROW.findall(page.read_text()) for page in others)
    assert english == french
    assert len(english) > 5


def test_the_readme_is_read_in_thirty_seconds_to_a_minute() -> None:
    """It grew to seven times that once: what is more belongs into a page of its own."""
    assert len(prose(README)) < 330


def test_the_readme_leads_to_every_page() -> None:
    found = set(links(README))
    assert [page.name for page in PAGES if f"docs/{page.name}" not in found] == ["faults-table.md"]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_page_begins_with_what_it_is_for(page: Path) -> None:
    assert re.match(r"# .+\n\nThis page is for ", page.read_text())


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
