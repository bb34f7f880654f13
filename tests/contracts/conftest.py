"""What GitLab's jobs are read with, Dagger's engine as these tests know it, and a runner of each kind."""

from tests.support.engine import engine
from tests.support.gitlab_jobs import checkout, gitlab_ci_local
from tests.support.runners import runner

__all__ = ["checkout", "engine", "gitlab_ci_local", "runner"]
