"""Failures of tools, translated."""

import json
import re

import pytest

from pipeline.errors import (
    BucketTaken,
    PipelineError,
    PlanRefused,
    SettingsError,
    StateLocked,
    StateLost,
    ToolError,
    VerifyFailed,
)
from pipeline.machine.repository import REPOSITORY
from pipeline.steps.failures import TAIL_LINES, diagnose
from quickdata_node.physical.present import GOOD

NO_REGISTRY = (
    "\nError: {}\n\nCould not resolve provider hashicorp/aws: could not connect to\n"
    "registry.opentofu.org: failed to request discovery document: Get\n"
    '"https://registry.opentofu.org/.well-known/terraform.json": proxyconnect tcp:\n'
    "dial tcp 127.0.0.1:9: connect: connection refused"
)
WITHOUT_STATE = """
Error: Error refreshing state: S3 bucket
does not exist.

The referenced S3 bucket must have been previously created.
"""

KNOWN = [
    ("Error: Error acquiring the state lock\nID: 1-2", StateLocked, "locked"),
    ("api error BucketAlreadyExists: The requested bucket name", BucketTaken, "taken"),
    ("BucketAlreadyOwnedByYou: Your previous request", StateLost, "not in the state"),
    ("Error: Unable to find remote state", ToolError, "storage state is missing"),
    ("ERROR! Decryption failed (no vault secrets were found)", SettingsError, "vault"),
    ('format: The state file could not be\nparsed as JSON: x\nnot have a "version" a', ToolError, "damaged"),
    ('The state file does not have a "version" attribute, which is', SettingsError, "is encrypted"),
    ("nocodb_db: not healthy, and rolled back if updated. x", ToolError, "a service is not healthy"),
    ("dial tcp: i/o timeout. No image with pgBackRest for a new database: x", ToolError, "was not started"),
    ("dial tcp: i/o timeout. No image with pgBackRest for an existing database: x", ToolError, "nor changed"),
    ("OSError: [Errno 28] No space left on device", ToolError, "disk is full"),
    ("dial tcp 127.0.0.1:1: connect: connection refused", ToolError, "does not answer"),
    ("InvalidClientTokenId: The security token", ToolError, "credentials"),
    (NO_REGISTRY.format("Failed to resolve provider packages"), ToolError, "AWS provider"),
    (NO_REGISTRY.format("Failed to query available provider packages"), ToolError, "AWS provider"),
    (WITHOUT_STATE, ToolError, "bucket of the states does not exist"),
    ('S3 bucket "x-tfstate" does not exist.', ToolError, "bucket of the states does not exist"),
    ("Error: Failed to read plan from plan\nfile\n", PlanRefused, "saved plan cannot be read"),
    ("│ Error: Error acquiring the state\n│ lock\n│ ID: 1-2", StateLocked, "locked"),
    (
        "decryption failed for\nall provided methods",
        SettingsError,
        "cannot be decrypted with this passphrase",
    ),
    ("Unable to\nfind remote state", ToolError, "storage state is missing"),
    ("recover-pg.sh: FAILED: 2 tables differ from the point quickdata_1f", VerifyFailed, "at that moment"),
    ("recover-pg.sh: FAILED: pg_amcheck finds damage in the", VerifyFailed, "at that moment"),
    ("recover-pg.sh: FAILED: the recovery is good, but the live database does", VerifyFailed, "do not reach"),
]


def differences() -> list[str]:
    """Return the lines with which a restore ends when what came back differs, exit code 4."""
    modules = (REPOSITORY / "infrastructure/ansible/roles/pg_backup/files/quickdata_node").rglob("*.py")
    text = "".join(module.read_text() for module in sorted(modules)).replace("{GOOD}", GOOD)
    found = re.findall(r'f?"([^"]+)"(?:,|\n(?: +fix = [^\n]*\n)? +raise Failed\(what,) [^\n]*, 4\)\n', text)
    assert len(found) == text.count(", 4)\n")
    return [re.sub(r"\{[^}]+\}", "7", words) for words in found]


@pytest.mark.parametrize("words", differences())
def test_a_difference_that_the_script_found_on_a_node_is_a_failed_verification(words: str) -> None:
    said = f"2026-01-02T03:04:05Z restore-pg-latest.sh: FAILED: {words}; fix it"
    event = {"_event": "v2_runner_on_failed", "task": {"name": "x"}, "hosts": {"database": {"stderr": said}}}
    error = diagnose("verify: restore and compare", 2, json.dumps(event), "")
    assert type(error) is VerifyFailed
    assert words in error.tail


@pytest.mark.parametrize(("said", "kind", "what"), KNOWN)
def test_a_known_failure_is_named_with_a_fix(said: str, kind: type[PipelineError], what: str) -> None:
    error = diagnose("storage: apply", 1, "", said)
    assert type(error) is kind
    assert what in error.what
    assert error.what.startswith("storage: apply: ")
    assert error.fix


def test_an_unknown_failure_shows_the_tools_last_lines() -> None:
    error = diagnose("x", 7, "", "\n".join(f"line {n}" for n in range(50)))
    assert "exit code 7" in error.what
    assert error.tail.splitlines()[-1] == "line 49"
    assert len(error.tail.splitlines()) == TAIL_LINES


def test_the_output_speaks_when_the_error_output_is_silent() -> None:
    assert diagnose("x", 1, "only here", "").tail == "only here"


def test_the_frames_of_a_traceback_are_not_shown_but_what_happened_is() -> None:
    frames = 'Traceback (most recent call last):\n  File "vars.py", line 33, in get\n    raise Parser(e)\n'
    said = f"[ERROR]: no file\n\n{frames}KeyError: 'x'\n\nThis led to:\n\n{frames}Parser: no file\n"
    error = diagnose("ansible: backup.yml", 4, "", said)
    assert error.tail == "[ERROR]: no file\nKeyError: 'x'\nThis led to:\nParser: no file"
