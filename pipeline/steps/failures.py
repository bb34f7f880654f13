"""A tool's failure translated: the known ones with their fix, every other with the tool's last lines."""

import re
import shutil

from pipeline.advice import about_lock, placed
from pipeline.errors import (
    OTHER_REGIONS,
    BucketTaken,
    Interrupted,
    PipelineError,
    PlanRefused,
    SettingsError,
    StateLocked,
    StateLost,
    ToolError,
    VerifyFailed,
)
from pipeline.steps import lock
from pipeline.steps.output import failures

UNKNOWN = "failed with exit code"
"""What is said of a failure that no line below knows."""
HEAD_LINES, TAIL_LINES = 3, 8
"""Lines shown of a failure: a tool that reports it as data begins with what and where it was."""

FULL = r"(?:[Nn]o space left on device|[Dd]isk quota exceeded)"
PLACES = (
    rf"{FULL}: ['\"\u2018](.+?)['\"\u2019]",  # Python
    rf"['\"\u2018\u201c]([^'\"\u2018\u201c]+)['\"\u2019\u201d]: (?:[\w ]+: )?{FULL}",  # PostgreSQL, coreutils
    rf"\b[a-z_]+ (/[^:]+): {FULL}",  # Go: the call, then the path, which may have spaces
    rf"(\S*/[^:\s]*): (?:[\w ]+: )?{FULL}",  # bash, tar
)
"""Where a tool says what had no room."""

KNOWN: tuple[tuple[str, type[PipelineError], str, str], ...] = (
    (
        r"FAILED: (\d+ tables differ from|\d+ objects are not defined as|the attachments differ from) the "
        r"manifest|FAILED: \S+ is not what was uploaded",
        VerifyFailed,
        "what came back is not what was backed up",
        "the live database was not touched; `quickdata backups` lists others to restore",
    ),
    (
        r"decryption failed for all provided methods",
        SettingsError,
        "the state does not open with this passphrase",
        "give the QUICKDATA_STATE_PASSPHRASE that it was encrypted with",
    ),
    (
        r"state file could not be parsed as JSON|can not be checked for presence of encryption",
        ToolError,
        "the state is damaged",
        "bring back an earlier version: the file's backup beside it, or the bucket's or GitLab's own",
    ),
    (
        r"encrypted and can not be read without|does not have a \"version\" attribute",
        SettingsError,
        "the state is encrypted",
        "give its QUICKDATA_STATE_PASSPHRASE, and use OpenTofu: Terraform cannot read it",
    ),
    (
        r"Error acquiring the state lock",
        StateLocked,
        "the state is locked",
        "{lock}",
    ),
    (
        r"S3 bucket (\"[^\"]+\" )?does not exist",
        ToolError,
        "the bucket of the states does not exist",
        "nothing was deployed with --state s3 yet: `quickdata deploy --state s3` creates it",
    ),
    (
        r"HTTP remote state endpoint requires auth|HTTP remote state endpoint invalid auth",
        SettingsError,
        "GitLab does not accept GITLAB_USER and GITLAB_PAT",
        "give a token with the scope api, of somebody who is at least Maintainer of GITLAB_PROJECT",
    ),
    (
        r"Saved plan is stale",
        PlanRefused,
        "the saved plan is stale: the state has changed since it was made",
        "plan again, read it, then deploy it",
    ),
    (
        r"Failed to read the given file as a state or plan file|Failed to load .* as a plan file"
        r"|Failed to read plan from plan file",
        PlanRefused,
        "the saved plan cannot be read",
        "plan again, with the same version of OpenTofu or Terraform that deploys",
    ),
    (
        r"BucketAlreadyExists\b",
        BucketTaken,
        "the bucket's name is taken",
        "choose another TF_VAR_bucket_suffix; if the bucket is yours: `quickdata adopt storage`",
    ),
    (
        r"BucketAlreadyOwnedByYou",
        StateLost,
        "the bucket exists in this account but not in the state",
        "bring back the state, or run `quickdata adopt storage`: nothing was changed",
    ),
    (
        r"Unable to find remote state|Unsupported attribute.*remote_state",
        ToolError,
        "the storage state is missing",
        "apply infrastructure/terraS3 first: the app reads the bucket's name from its state",
    ),
    (
        r"Decryption failed|no vault secrets (were )?found|Attempting to decrypt but no vault",
        SettingsError,
        "the vault could not be opened",
        "give the right password, in VAULT_PASSWORD or in the file that you name",
    ),
    (
        r"no hosts matched|No inventory was parsed|provided hosts list is empty",
        ToolError,
        "the inventory has no hosts",
        "deploy the app first: the inventory is made from its outputs",
    ),
    (
        r": not healthy, and rolled back if updated",
        ToolError,
        "a service is not healthy; if it was updated, Swarm puts back what ran before",
        "ask it why, on the manager: `docker service logs NAME`; if it is the image, name one that works in"
        " infrastructure/ansible/group_vars/all/images.yml; then deploy again",
    ),
    (
        FULL,
        ToolError,
        "the disk is full",
        "free some space on that disk, then run again",
    ),
    (
        r"invalid (LC_COLLATE )?locale name|locale .* is not installed",
        ToolError,
        "the database's locale is not on this machine",
        "install it: on Debian `apt-get install locales`, then `localedef -i en_US -f UTF-8 en_US.utf8`",
    ),
    (
        r"Failed to (query available provider packages|resolve provider packages|install provider)",
        ToolError,
        "the AWS provider cannot be downloaded",
        "open the network to the registry, or name a directory with providers in QUICKDATA_PROVIDER_MIRROR",
    ),
    (
        r"connection refused|Could not connect to the endpoint|no such host|i/o timeout|dial tcp",
        ToolError,
        "an endpoint does not answer",
        "check the network and the region, then run again",
    ),
    (
        r"MovedPermanently|PermanentRedirect|actual\s+location\s+\"",
        SettingsError,
        "the bucket is in another region than the one asked for",
        f"set AWS_REGION{OTHER_REGIONS} to the deployment's region",
    ),
    (
        r"InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|No valid credential sources",
        ToolError,
        "AWS does not accept the credentials",
        "renew AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), then run again",
    ),
)


FRAMES = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*", re.MULTILINE)
"""Where in its code a tool of Python was: nothing for a terminal. The lines around it say what happened."""


def diagnose(name: str, exit_code: int, stdout: str, stderr: str, state: str = "local") -> PipelineError:
    """Return the error that a failed step means.

    Args:
        name: the step's name.
        exit_code: the tool's exit code.
        stdout: its masked output.
        stderr: its masked error output.
        state: where the states are kept, as `--state` says it: the commands of the fix repeat it.
    """
    reported, stderr = "\n".join(failures(stdout)), FRAMES.sub("", stderr)
    tail = _shortened(reported, HEAD_LINES) if reported else _shortened(stderr.strip() or stdout, 0)
    heard = f"{reported or tail}\n{stderr}"
    words = _unwrapped(heard)
    for pattern, error, what, fix in KNOWN:
        if re.search(pattern, words):
            holder = lock.find_lock_in(heard) if error is StateLocked else None
            place = f"at {full}" if pattern is FULL and (full := place_of(words)) else None
            remedy = fix.format(lock=about_lock(re.split("[: ]", name)[0], state))
            return error(f"{name}: {what} {holder or place or ''}".rstrip(), placed(remedy, state), tail)
    fix = (
        "read the tool's words below, fix that, run again"
        if tail
        else "it said nothing: run it again, and let it show what the tools print"
    )
    return ToolError(f"{name}: {UNKNOWN} {exit_code}", fix, tail)


def place_of(words: str) -> str:
    """Return which file or directory had no room, as a tool names it; empty where it names none."""
    for pattern in PLACES:
        if match := re.search(pattern, words):
            return match[1]
    return ""


def _unwrapped(text: str) -> str:
    """Return a text as one line: both tools break theirs anywhere, and may draw a bar at its left."""
    return " ".join(text.replace("│", " ").split())


def _shortened(text: str, head: int) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[:head] + lines[head:][head - TAIL_LINES :])


def with_fix(error: BaseException) -> BaseException:
    """Return what a user can fix instead of what this machine said: a full disk, a missing right."""
    if isinstance(error, KeyboardInterrupt):  # one that came before signals were received
        return Interrupted("interrupted by SIGINT: nothing had begun", "run the same command again")
    if not isinstance(error, OSError):
        return error
    reason = str(error.args[0][0][2] if isinstance(error, shutil.Error) else error)
    if re.search(FULL, reason):
        place = place_of(reason)
        what = f"the disk is full at {place}" if place else f"the disk is full: {reason}"
        return ToolError(what, "free some space on that disk, then run again")
    return ToolError(f"this machine refuses: {reason}", "free some space, or fix the rights, then run again")
