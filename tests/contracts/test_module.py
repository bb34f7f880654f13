"""The Dagger module, without an engine: it loads, its verbs are the host's, errors keep their codes."""

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from inspect import Parameter
from pathlib import Path

import dagger
import pytest

from pipeline import module
from pipeline.containers import images, toolbox
from pipeline.machine.repository import REPOSITORY
from pipeline.module import Pipeline
from pipeline.verbs import AT_A_TERMINAL, IN_DAGGER, verb
from tests.support.calls import FUNCTIONS
from tests.support.documents import DOCUMENTS
from tests.support.engine import Engine

CONFIGURATION = json.loads((REPOSITORY / "dagger.json").read_text())
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

ACTING = sorted({*(name.replace("-", "_") for name in IN_DAGGER), "run"})
SECRETS = ("aws_access_key_id", "aws_secret_access_key", "vault_password", "gitlab_pat", "ssh_key")


# Loading


def test_the_host_never_imports_dagger() -> None:
    code = (
        "import sys; from pipeline.cli import main\n"
        "from pipeline.verbs import NAMES\n"
        "assert [main.get_command(None, name) for name in NAMES]\n"
        "assert 'dagger' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_the_entry_point_is_what_dagger_loads() -> None:
    assert PROJECT["project"]["entry-points"]["dagger.mod"] == {"main_object": "pipeline.module:Pipeline"}
    assert CONFIGURATION["name"].capitalize() == Pipeline.__name__
    assert CONFIGURATION["sdk"] == {"source": "python"}


def test_the_lock_holds_the_version_of_the_engine_and_the_base_image_follows() -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    version = next(each["version"] for each in lock["package"] if each["name"] == "dagger-io")
    assert CONFIGURATION["engineVersion"] == f"v{version}"
    python = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"python:{python}-slim" == images.TOOLBOX


def test_the_engine_installs_what_the_module_imports_and_nothing_else() -> None:
    """It runs `uv sync --no-dev`: default groups would bring hundreds of megabytes of tools."""
    assert PROJECT["tool"]["uv"]["default-groups"] == []
    assert not {"readme", "license-files"} & PROJECT["project"].keys(), "files that are not included"
    assert isinstance(PROJECT["project"]["license"], str), "a name; a table would name a file"


def test_every_file_that_the_package_reads_is_included() -> None:
    suffixes = {path.suffix for path in (REPOSITORY / "pipeline").rglob("*") if path.is_file()} - {".pyc"}
    included = {
        Path(pattern).suffix for pattern in CONFIGURATION["include"] if pattern.startswith("pipeline/")
    }
    assert suffixes == included


def test_the_uv_of_the_toolbox_is_that_of_the_makefile() -> None:
    assert f"UV_VERSION := {toolbox.UV_VERSION}\n" in (REPOSITORY / "Makefile").read_text()


async def test_every_function_registers_with_types_that_dagger_knows(engine: Engine) -> None:
    await dagger.mod.default_module()._typedefs()
    (registered,) = [[f.name for f in query] for query in engine.queries if query[0].name == "module"]
    assert registered == ["module", "withDescription", "withObject", "id"]
    functions = {q[0].args["name"] for q in engine.queries if q[0].name == "function"}
    assert functions == {*(name for name in FUNCTIONS), ""}


# The verbs


def test_every_verb_of_the_host_is_a_function_but_those_that_need_its_ports() -> None:
    assert {name.replace("-", "_") for name in IN_DAGGER} <= set(FUNCTIONS)
    assert AT_A_TERMINAL == ("tunnel",)
    assert "tunnel" not in FUNCTIONS


# Persistent flags of `dagger` and of `dagger call`, v0.21.8: cmd/dagger/main.go (installGlobalFlags) and the
# files beside it. Its command line takes them for itself wherever they stand, or ends with "flag redefined".
OF_DAGGER = {
    *("allow-llm", "auto-apply", "cloud", "debug", "dot-focus-field", "dot-output", "dot-show-internal"),
    *("eager-runtime", "env", "help", "interactive", "interactive-command", "json", "lock", "mod", "model"),
    *("no-exit", "no-mod", "output", "progress", "quiet", "silent", "verbose", "web", "workdir", "x-release"),
}


def written(name: str) -> str:
    """Return an option as the command line has it, from a name in Python or in GraphQL."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).lower().replace("_", "-")


def test_no_option_bears_the_name_of_one_of_daggers_own() -> None:
    constructor = Pipeline.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    for found in (constructor, *FUNCTIONS.values()):
        assert not {written(each.name) for each in found.parameters.values()} & OF_DAGGER, found


def test_only_the_verb_is_required_by_run() -> None:
    """Of what a verb needs, the others know nothing: the verb itself asks for it."""
    parameters = FUNCTIONS["run"].parameters.values()
    assert [p.name for p in parameters if not p.has_default and not p.is_nullable] == ["verb"]


def test_whatever_acts_is_never_cached() -> None:
    policies = {name: FUNCTIONS[name].cache_policy for name in ACTING}
    assert set(policies.values()) == {"never"}, policies


@pytest.mark.parametrize("name", ACTING)
def test_every_acting_function_explains_itself_and_its_options(name: str) -> None:
    found = FUNCTIONS[name]
    assert found.doc
    assert "\n    " not in found.doc
    assert not [p.name for p in found.parameters.values() if not p.doc]


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_secret_is_a_secret(name: str) -> None:
    constructor = Pipeline.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    assert constructor.parameters[name].resolved_type == dagger.Secret | None


def test_run_takes_every_option_of_every_verb() -> None:
    taken = set(FUNCTIONS["run"].parameters)
    assert taken == {"verb"}.union(*(FUNCTIONS[name].parameters for name in ACTING))
    kinds = {p.kind for p in FUNCTIONS["run"].signature.parameters.values() if p.name != "self"}
    assert kinds == {Parameter.KEYWORD_ONLY}


def test_the_infrastructure_comes_without_states_plans_and_passwords() -> None:
    constructor = Pipeline.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    folder = constructor.parameters["infrastructure"]
    assert folder.default_path == "/infrastructure"
    assert {"**/.terraform*", "**/*.tfstate*", "**/.env*", "**/*.tfplan", "**/.secrets"} <= set(folder.ignore)
    passwords = {"**/.vault*", "**/vault_pass*", "**/vault-password.txt"}
    for name in ("infrastructure", "source"):
        assert passwords <= set(constructor.parameters[name].ignore)
    assert "**/vault.yml" in constructor.parameters["source"].ignore


@pytest.mark.parametrize(("name", "command"), [("lint", [".ci/lint"]), ("unit_tests", module.UNIT_TESTS)])
async def test_a_check_runs_what_make_runs(
    monkeypatch: pytest.MonkeyPatch, name: str, command: list[str]
) -> None:
    ran: list[list[str]] = []

    async def noted(_self: object, command: list[str]) -> str:
        ran.append(command)
        return ""

    monkeypatch.setattr(Pipeline, "_run", noted)
    folder = dagger.dag.directory()
    await getattr(Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder), name)()
    assert ran == [command]
    recipe = (REPOSITORY / "Makefile").read_text()
    assert command[0] in recipe and command[-1] in recipe


def test_the_linters_and_the_unit_tests_are_what_dagger_checks() -> None:
    assert {name for name in FUNCTIONS if FUNCTIONS[name].check} == {"lint", "unit_tests"}


def test_the_unit_tests_exist() -> None:
    assert list((REPOSITORY / module.UNIT_TESTS[-1]).rglob("test_*.py"))


@pytest.mark.parametrize("name", IN_DAGGER)
def test_a_verb_is_described_once_and_without_what_only_a_terminal_has(name: str) -> None:
    said = FUNCTIONS[name.replace("-", "_")].doc
    assert said.startswith((verb(name).__doc__ or "").splitlines()[0])
    for only_there in ("\b", "Example: ", "TMPDIR", "~/", "reports/", "`quickdata"):
        assert only_there not in said


LINES, COLUMNS = 24, 80
"""Of a terminal that nobody has made bigger."""
HEADINGS, BESIDE = 5, 18
"""Of `dagger call VERB --help`, as 0.21.8 prints it: USAGE and ARGUMENTS, with empty lines; and what stands
beside an option's name: hyphens, its type, spaces. The help has a line before it and one after it."""


@pytest.mark.parametrize("name", IN_DAGGER)
def test_a_verbs_help_fits_a_screen(name: str) -> None:
    found = FUNCTIONS[name.replace("-", "_")]
    width = COLUMNS - BESIDE - max([len(option) for option in found.parameters], default=0)
    options = [2 + len(textwrap.wrap(str(p.doc), width)) for p in found.parameters.values()]
    assert len(found.doc.splitlines()) + HEADINGS + sum(options) <= LINES


def test_what_only_a_terminal_has_is_no_option() -> None:
    assert not {"nodes", "detailed_exitcode", "out"} & set(FUNCTIONS["run"].parameters)
    assert FUNCTIONS["plan"].return_type is dagger.Directory


# What the pages say


def calls() -> list[list[str]]:
    """Return the words of every call that a page shows, after `dagger -m . call`."""
    found = []
    for page in DOCUMENTS:
        text = page.read_text().replace("\\\n", " ")
        [inputs] = re.findall(r'^      dagger -m \. call (.*) "\$@"', text, re.MULTILINE) or [""]
        text = re.sub("^    emulated ", f"    dagger -m . call {inputs} ", text, flags=re.MULTILINE)
        for line in re.findall(r"^    dagger -m \. call (.*)$", text, re.MULTILINE):
            found.append(line.partition("#")[0].replace("…", "").split())
    return found


@pytest.mark.parametrize("words", calls(), ids=" ".join)
def test_a_call_on_a_page_is_one_that_the_module_takes(words: list[str]) -> None:
    if words == ["INPUTS", "VERB", "OPTIONS"]:
        return
    verb_at = next(at for at, word in enumerate(words) if word in {written(name) for name in FUNCTIONS})
    constructor = Pipeline.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    known = {f"--{written(name)}" for name in constructor.parameters}
    own = {f"--{written(name)}" for name in FUNCTIONS[words[verb_at].replace("-", "_")].parameters} | {"-o"}
    assert {word for word in words[:verb_at] if word.startswith("-")} <= known
    assert {word for word in words[verb_at + 1 :] if word.startswith("-")} <= own


def test_the_pages_show_calls() -> None:
    assert len(calls()) > 10
