"""Dagger's engine as these tests know it, and a runner of each kind."""

from tests.support.engine import engine
from tests.support.runners import runner

__all__ = ["engine", "runner"]
