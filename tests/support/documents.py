"""What is written for readers: every page of the project, and what it names."""

import re

from pipeline.machine.repository import REPOSITORY

DOCUMENTS = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / ".gitlab").rglob("*.md")),
    *sorted((REPOSITORY / "infrastructure/ansible/roles").glob("*/README.md")),
]
TOP = r"(?:pipeline|tests|infrastructure|docs|benchmarks|\.ci|\.gitlab|\.devcontainer)"
PATH = re.compile(rf"`({TOP}/[^`\s]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"(?:^ {4}|`)make ([a-z-]+)", re.MULTILINE)
