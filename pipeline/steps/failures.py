"""Translate a tool's failure: a known one gets its fix, any other one gets the tool's last lines."""

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
"""The text for a failure that is not in KNOWN."""
HEAD_LINES, TAIL_LINES = 3, 8
"""How many lines of a failure to show: a failure that is reported as data begins with its place."""

FULL = r"(?:[Nn]o space left on device|[Dd]isk quota exceeded)"
PLACES = (
    rf"{FULL}: ['\"\u2018](.+?)['\"\u2019]",  # Python
    rf"['\"\u2018\u201c]([^'\"\u2018\u201c]+)['\"\u2019\u201d]: (?:[\w ]+: )?{FULL}",  # PostgreSQL, coreutils
    rf"\b[a-z_]+ (/[^:]+): {FULL}",  # Go: the call, then the path, which may have spaces
    rf"(\S*/[^:\s]*): (?:[\w ]+: )?{FULL}",  # bash, tar
)
"""How tools name the file or directory on the full disk."""

PITR_IMAGE = (
    "let the node reach apt.postgresql.org and the registry, or name an image of your own in"
    " quickdata_pitr_image, in infrastructure/ansible/group_vars/all/images.yml"
)
PITR_OFF = "`quickdata_pitr: false` in infrastructure/ansible/group_vars/all/main.yml"

KNOWN: tuple[tuple[str, type[PipelineError], str, str], ...] = (
    (
        r"FAILED: (\d+ tables differ from|\d+ objects are not defined as|the attachments differ from) the "
        r"manifest|FAILED: \S+ is not what was uploaded",
        VerifyFailed,
        "the restored data differs from what was backed up",
        "the live database was not touched; restore another backup: `quickdata backups` lists them",
    ),
    (
        r"FAILED: (\d+ tables differ from the point|pg_amcheck finds damage|"
        r"\d+ \S+ of \S+ differ from that moment's)",
        VerifyFailed,
        "the recovered database is not what it was at that moment",
        "the live database was not touched; recover to another point: `quickdata backups` lists them",
    ),
    (
        r"FAILED: the recovery is good, but",
        VerifyFailed,
        "the physical backups are good, but they do not reach the present",
        "docs/runbook.md, `Archiving fails`; then run the drill again",
    ),
    (
        r"FAILED: (backup \S+ holds damaged pages|s3://\S+ holds no proven point of)",
        VerifyFailed,
        "the physical backups prove nothing",
        "the last line below says why, and what to do",
    ),
    (
        r"decryption failed for all provided methods",
        SettingsError,
        "the state cannot be decrypted with this passphrase",
        "set QUICKDATA_STATE_PASSPHRASE to the passphrase that encrypted the state",
    ),
    (
        r"state file could not be parsed as JSON|can not be checked for presence of encryption",
        ToolError,
        "the state is damaged",
        "restore an earlier version: from the backup file beside the state, from the bucket, or from GitLab",
    ),
    (
        r"encrypted and can not be read without|does not have a \"version\" attribute",
        SettingsError,
        "the state is encrypted",
        "set QUICKDATA_STATE_PASSPHRASE to its passphrase, and use OpenTofu: Terraform cannot read the state",
    ),
    (
        r"managed by newer provider version",
        ToolError,
        "a newer version of the AWS provider has written the state",
        "use the version of this code that wrote it, or put back the state from before: see docs/deploy.md",
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
        "nothing was deployed with --state s3 yet: `quickdata deploy --state s3` creates the bucket",
    ),
    (
        r"HTTP remote state endpoint requires auth|HTTP remote state endpoint invalid auth",
        SettingsError,
        "GitLab does not accept GITLAB_USER and GITLAB_PAT",
        "use a token with the scope api, of a user who is at least Maintainer of GITLAB_PROJECT",
    ),
    (
        r"Saved plan is stale",
        PlanRefused,
        "the saved plan is stale: the state has changed since the plan was made",
        "plan again, read the new plan, then deploy it",
    ),
    (
        r"Failed to read the given file as a state or plan file|Failed to load .* as a plan file"
        r"|Failed to read plan from plan file",
        PlanRefused,
        "the saved plan cannot be read",
        "plan again, with the same version of OpenTofu or Terraform as for the deployment",
    ),
    (
        r"BucketAlreadyExists\b",
        BucketTaken,
        "the bucket's name is already taken",
        "choose another TF_VAR_bucket_suffix; if the bucket is yours, run `quickdata adopt storage`",
    ),
    (
        r"BucketAlreadyOwnedByYou",
        StateLost,
        "the bucket exists in this account but not in the state",
        "nothing was changed; restore the state, or run `quickdata adopt storage`",
    ),
    (
        r"Unable to find remote state|Unsupported attribute.*remote_state",
        ToolError,
        "the storage state is missing",
        "apply infrastructure/terraS3 first: the app reads the bucket's name from the state of storage",
    ),
    (
        r"Decryption failed|no vault secrets (were )?found|Attempting to decrypt but no vault",
        SettingsError,
        "the vault could not be decrypted",
        "set VAULT_PASSWORD to the right password, or name a file with the right password",
    ),
    (
        r"no hosts matched|No inventory was parsed|provided hosts list is empty",
        ToolError,
        "the inventory has no hosts",
        "deploy the app first: the inventory is made from the app's outputs",
    ),
    (
        r": not healthy, and rolled back if updated",
        ToolError,
        "a service is not healthy; if it was updated, Swarm starts its old version again",
        "read its log on the manager: `docker service logs NAME`; if the image is the cause, set a tag that"
        " works in infrastructure/ansible/group_vars/all/images.yml; then deploy again",
    ),
    (
        FULL,
        ToolError,
        "the disk is full",
        "free some space on that disk, then run again",
    ),
    (
        r"No image with pgBackRest for a new database: ",
        ToolError,
        "the database node has no image with pgBackRest, so the new database was not started",
        f"to go on now without physical backups, set {PITR_OFF}, and deploy: logical backups and"
        " `quickdata restore` need no such image. They stay off until `quickdata_pitr: true` and a `deploy`,"
        f" which restarts the database once. To have them from the start: {PITR_IMAGE}; then deploy again",
    ),
    (
        r"No image with pgBackRest for an existing database: ",
        ToolError,
        "the database node has no image with pgBackRest, so the database was neither started nor changed",
        f"{PITR_IMAGE}; then deploy again. If physical backups were off, set {PITR_OFF}, also if there is no"
        " such line: they stay off. If they are on, this line would end them: no recovery reaches the moments"
        " without them",
    ),
    (
        r"invalid (LC_COLLATE )?locale name|locale .* is not installed",
        ToolError,
        "the database's locale is not installed on this machine",
        "install the locale: on Debian `apt-get install locales`, then, for example,"
        " `localedef -i en_US -f UTF-8 en_US.utf8`",
    ),
    (
        r"Failed to (query available provider packages|resolve provider packages|install provider)",
        ToolError,
        "the AWS provider cannot be downloaded",
        "allow access to the registry, or name a directory with providers in QUICKDATA_PROVIDER_MIRROR",
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
        "the bucket is not in the given region",
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
"""A Python tool's traceback is left out of the error. The lines around it say what happened."""


def diagnose(name: str, exit_code: int, stdout: str, stderr: str, state: str = "local") -> PipelineError:
    """Return the error for a failed step.

    Args:
        name: the step's name.
        exit_code: the tool's exit code.
        stdout: the tool's masked output.
        stderr: the tool's masked error output.
        state: where the states are kept, as a value of `--state`; the commands of the fix repeat it.
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
        "read the tool's last lines below, fix the cause, then run again"
        if tail
        else "the tool printed nothing: run again, and show the tools' output (-v at a terminal)"
    )
    return ToolError(f"{name}: {UNKNOWN} {exit_code}", fix, tail)


def place_of(words: str) -> str:
    """Return the file or directory on the full disk, as a tool names it; empty if the tool names none."""
    for pattern in PLACES:
        if match := re.search(pattern, words):
            return match[1]
    return ""


def _unwrapped(text: str) -> str:
    """Return a text as one line: both tools wrap lines anywhere, and may draw a bar at the left."""
    return " ".join(text.replace("│", " ").split())


def _shortened(text: str, head: int) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[:head] + lines[head:][head - TAIL_LINES :])


def with_fix(error: BaseException) -> BaseException:
    """Return an error of the operating system with its fix: a full disk, or a missing permission."""
    if isinstance(error, KeyboardInterrupt):  # it came before the signal handlers were installed
        return Interrupted("interrupted by SIGINT before anything was done", "run the same command again")
    if not isinstance(error, OSError):
        return error
    reason = str(error.args[0][0][2] if isinstance(error, shutil.Error) else error)
    if re.search(FULL, reason):
        place = place_of(reason)
        what = f"the disk is full at {place}" if place else f"the disk is full: {reason}"
        return ToolError(what, "free some space on that disk, then run again")
    fix = "free some space, or fix the permissions, then run again"
    return ToolError(f"this machine reported an error: {reason}", fix)
