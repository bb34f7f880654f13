"""The verbs: one verb, one file, which bears its name. Both doors take options and help from there."""

import ast
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

SECTIONS = {
    "Try it": ("rehearse",),
    "Deploy": ("check", "plan", "deploy", "status", "destroy"),
    "Backups": ("backup", "verify", "backups", "drill", "restore"),
    "States": ("adopt", "unlock", "migrate-state"),
}
"""The verbs in the order of use."""
NAMES = tuple(name for names in SECTIONS.values() for name in names)
WITHOUT_REPORT = ("backups",)
"""It only lists: a report of it would take the place of the last run's."""

Verb = Callable[..., Awaitable[None]]
"""Takes the call, then its own options by name; their annotations are their types and their help."""


def verb(name: str) -> Verb:
    """Return a verb's function; its file is imported now, with all that it works with.

    Args:
        name: one of NAMES.
    """
    return getattr(import_module(f"{__name__}.{_python(name)}"), _python(name))  # type: ignore[no-any-return]


def summary(name: str) -> str:
    """Return the first sentence of a verb's help; its file is read, but not imported: that takes a moment.

    Args:
        name: one of NAMES.
    """
    tree = ast.parse((Path(__file__).parent / f"{_python(name)}.py").read_text(encoding="utf-8"))
    functions = {each.name: each for each in tree.body if isinstance(each, ast.AsyncFunctionDef)}
    return " ".join((ast.get_docstring(functions[_python(name)]) or "").partition("\n\n")[0].split())


def _python(name: str) -> str:
    return name.replace("-", "_")
