"""Every command that the code's advice and the documentation name can be typed; nothing of it is run."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.advice import STATEFUL, about_lock, placed
from pipeline.machine.repository import REPOSITORY
from tests.support.documents import DOCUMENTS
from tests.support.verbs import COMMANDS as VERBS

CODE = sorted((REPOSITORY / "pipeline").rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "infrastructure").rglob("*.sh"))
SCRIPTS += sorted(path for path in (REPOSITORY / ".ci").rglob("*") if path.is_file())
OTHERS = sorted(p for p in (REPOSITORY / "infrastructure").rglob("*.y*ml*") if ".terraform" not in p.parts)
QUOTED = re.compile(r"`(?:\.venv/bin/)?quickdata ([a-z][^`]*)`")
LINE = re.compile(r"^(?: {4,}|\s*)(?:\.venv/bin/)?quickdata ([a-z].*)$", re.MULTILINE)
VALUES = {
    "ID": "3f2a9c1d",
    "DIR": str(REPOSITORY),
    "NAME": "app",
    "DATABASE": "x",
    "HOST:PORT": "db:5432",
}
"""What stands for a value that the reader fills in."""
PLACEHOLDER = {"stack": "app", "stack.name": "app", "d.backend.name": "s3", "name": "s3", "other": "s3"}
"""The same for the parts of an f-string."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
STATELESS = {"cli", "rehearsal", "failures.py", "advice.py", "drill.py", "health.py"}
"""Files whose advice gets its `--state` elsewhere, or is about commands that take none."""


def literal(node: ast.AST) -> str | None:
    """Return a string's text, with a value for each part that is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value)
            if isinstance(part, ast.Constant)
            else PLACEHOLDER.get(ast.unparse(part.value), "ID")  # type: ignore[attr-defined]
            for part in node.values
        )
    return None


def strings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if (text := literal(node)) is not None:
            yield text


def named() -> Iterator[tuple[str, str]]:
    """Yield file and command of everything that is told to a reader."""
    for file in CODE:
        for text in strings(file):
            for words in QUOTED.findall(text):
                yield file.name, " ".join(words.split())
    for file in (*DOCUMENTS, *SCRIPTS, *OTHERS):
        text = file.read_text(errors="replace")
        found = QUOTED.findall(text) + (LINE.findall(text) if file in DOCUMENTS else [])
        for words in found:
            yield file.name, " ".join(words.split())


COMMANDS = sorted(set(named()))


def parsed(words: str) -> click.Context:
    """Parse a command as the console script does."""
    verb, *rest = shlex.split(words, comments=True)
    return VERBS[verb].make_context(verb, [VALUES.get(word, word) for word in rest])


def test_the_commands_are_found() -> None:
    """Otherwise nothing below would be looked at."""
    verbs = {words.split()[0] for _, words in COMMANDS}
    assert {"adopt", "unlock", "deploy", "plan", "status", "drill", "migrate-state", "restore"} <= verbs
    assert len(COMMANDS) > 40


@pytest.mark.parametrize(("file", "words"), COMMANDS)
def test_a_command_that_is_advised_can_be_typed(file: str, words: str) -> None:
    if words == "rehearse --nodes":  # a table's heading: its rows are the values
        words += " auto"
    assert parsed(words)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_verbs_that_take_a_state_are_those_whose_commands_repeat_it(verb: str) -> None:
    takes = any("--state" in option.opts for option in VERBS[verb].params)
    stateful = {each.split()[0]: each for each in STATEFUL.split("|")}
    assert (verb in stateful) == takes
    typed = stateful.get(verb, verb)
    words = placed(f"`quickdata {typed}`", "s3")
    assert words == (f"`quickdata {typed} --state s3`" if takes else f"`quickdata {typed}`")


def test_what_a_command_says_of_the_state_already_stays() -> None:
    for text in ("`quickdata plan --state gitlab`", "`quickdata backups`", "quickdata in general"):
        assert placed(text, "s3") == text
    assert placed("`quickdata plan`", "local") == "`quickdata plan`"
    assert "unlock" not in about_lock("app", "local")


def bare(file: Path) -> list[str]:
    """Return the advice about states in a file that is not handed to what repeats the place of the states."""
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    called = {name for function in functions for name in _handed_over(function)}
    covered = _docstrings(tree)
    for function in functions:
        names = _handed_over(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and any(ast.unparse(each) in names for each in node.targets):
                covered |= set(ast.walk(node.value))
            if _places(node) or (node is function and function.name in called):
                covered |= set(ast.walk(node))
    found = (literal(node) for node in ast.walk(tree) if node not in covered)
    return [text for text in found if text and placed(text, "elsewhere") != text]


def _places(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("advice", "placed"))


def _handed_over(function: ast.AST) -> set[str]:
    """Return the names of variables and functions that stand in a call of what repeats the place."""
    inner = (part for node in ast.walk(function) if _places(node) for part in ast.walk(node))
    return {part.id for part in inner if isinstance(part, ast.Name)}


def _docstrings(tree: ast.AST) -> set[ast.AST]:
    """Return the strings that stand alone: what they name is for whoever reads the code."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_no_advice_forgets_where_the_states_are(file: Path) -> None:
    if STATELESS & set(file.relative_to(REPOSITORY / "pipeline").parts):
        return
    assert bare(file) == []
