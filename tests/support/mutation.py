"""A guard of the scripts, how it is taken out, and the test that must go red."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

BACKUP, RESTORE, COMMON = "backup-pg.sh", "restore-pg-latest.sh", "pg-common.sh"
AGE = "check-backup-age.sh"
RETENTION = "pg-retention.sh"
SWAP = "pg-swap.sh"
MARKS = "pg-marks.sh"
OBJECTS = "pg-objects.sh"
FINGERPRINTS = "pg-fingerprints.sh"


class Mutation(NamedTuple):
    """A guard that is taken out of a copy of the scripts.

    Args:
        guard: what people call it.
        script: where it is.
        text: the guard, which is there once.
        instead: what stands there then.
        test: what goes red.
        given: the test's parameters.
    """

    guard: str
    script: str
    text: str
    instead: str
    test: Callable[..., None]
    given: Mapping[str, Any] = MappingProxyType({})
