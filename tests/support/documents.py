"""What is written for readers: every page of the project, and what it names."""

import re
from pathlib import Path

from pipeline.machine.repository import REPOSITORY

DOCUMENTS = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / ".gitlab").rglob("*.md")),
    *sorted((REPOSITORY / "infrastructure/ansible/roles").glob("*/README.md")),
]
TOP = r"(?:pipeline|tests|infrastructure|docs|benchmarks|\.ci|\.gitlab|\.devcontainer)"
PATH = re.compile(rf"`({TOP}/[^`\s]*)`")
TARGET = re.compile(r"(?:^ {4}|`)make ([a-z-]+)", re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+(?:\n[^`\n]+)*)`")  # within a paragraph
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4,}\S.*\n)+", re.MULTILINE)
PROSE = re.compile(r"(?!\s*$|#|\||!\[)")
"""How a line begins that is neither empty nor a heading, a row of a table or a picture."""


def links(page: Path) -> list[str]:
    """Return where a page's links lead, as `FILE`, `FILE#HEADING` or `#HEADING`; none to other sites."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [link for link in found if "://" not in link]


def anchors(page: Path) -> set[str]:
    """Return the names that links give to a page's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {anchor(heading) for heading in headings}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def commands(page: Path) -> list[str]:
    """Return the lines that a page has its reader type, without what is said about them."""
    text = FENCED.sub(lambda block: "" if block[1] == "mermaid" else _indented(block[2]), page.read_text())
    lines = "".join(INDENTED.findall(text)).splitlines()
    return [line.partition(" #")[0].strip() for line in lines]


def prose(page: Path) -> list[str]:
    """Return the words of a page that are neither commands, nor tables, nor headings, nor pictures."""
    text = INDENTED.sub("", FENCED.sub("", page.read_text()))
    return " ".join(line for line in text.splitlines() if PROSE.match(line)).split()


def _indented(block: str) -> str:
    return "".join(f"    {line}\n" for line in block.splitlines())
