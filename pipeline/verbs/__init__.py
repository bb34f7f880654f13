"""The verbs: each has a file of its name. The command line and Dagger read its options and help there."""

import ast
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

SECTIONS = {
    "Try it": ("rehearse",),
    "Deploy": ("check", "plan", "deploy", "tunnel", "status", "destroy"),
    "Backups": ("backup", "verify", "backups", "drill", "restore"),
    "States": ("adopt", "unlock", "migrate-state"),
}
"""The verbs in the order of use."""
NAMES = tuple(name for names in SECTIONS.values() for name in names)
WITHOUT_REPORT = ("backups", "tunnel")
"""These verbs change nothing: their report would replace the report of the last run."""
AT_A_TERMINAL = ("tunnel",)
"""Dagger does not have these verbs: they open ports of the user's machine."""
IN_DAGGER = tuple(name for name in NAMES if name not in AT_A_TERMINAL)

Verb = Callable[..., Awaitable[None]]
"""Takes the call, then its own options by name. The annotation of an option holds its type and its help."""


def verb(name: str) -> Verb:
    """Import a verb's file, with everything that the verb needs, and return its function.

    Args:
        name: one of NAMES.
    """
    return getattr(import_module(f"{__name__}.{_python(name)}"), _python(name))  # type: ignore[no-any-return]


def summary(name: str) -> str:
    """Return the first sentence of a verb's help. The file is not imported, because an import is slow.

    Args:
        name: one of NAMES.
    """
    tree = ast.parse((Path(__file__).parent / f"{_python(name)}.py").read_text(encoding="utf-8"))
    functions = {each.name: each for each in tree.body if isinstance(each, ast.AsyncFunctionDef)}
    return " ".join((ast.get_docstring(functions[_python(name)]) or "").partition("\n\n")[0].split())


def _python(name: str) -> str:
    return name.replace("-", "_")
