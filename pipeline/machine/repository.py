"""The project's folder: the code always runs in a checkout."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
