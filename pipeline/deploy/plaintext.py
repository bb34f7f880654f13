"""Unencrypted secrets in the checkout: errors name the file and the variable, never the value."""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

from pipeline.ansible.playbooks import FOLDER
from pipeline.deployment import Deployment
from pipeline.errors import SettingsError
from pipeline.steps.step import Step

VAULT = FOLDER / "group_vars/all/vault.yml"
EXAMPLE = VAULT.with_name("vault.yml.example")
ENCRYPTED = re.compile(r"\$ANSIBLE_VAULT;[^\n]+\n[0-9a-f\s]+")
"""A file that ansible-vault has encrypted, from its first line to its last."""
ANSIBLE_VAULT = ".venv/bin/ansible-vault"
"""The path in the checkout, where `make install` installs the program."""

SECRET = (
    r"(vault_[A-Za-z0-9_]+|nocodb_(db_password|jwt_secret|admin_password|registry_token)"  # noqa: S105 - names
    r"|pg_backup_(notify|ping_url|pg_password)|gitlab_pat|ansible_(become_|ssh_)?pass(word)?)"
)
"""Variables with a secret: those of the vault, of the roles and of Ansible. Any file can set them."""
KEY = r"BEGIN ([A-Z]+ )?PRIVATE KEY-----"
UNLOCKED = re.compile(
    r"BEGIN (OPENSSH PRIVATE KEY-----\s+b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
    r"|((RSA|EC|DSA) )?PRIVATE KEY-----\s+(?!Proc-Type:)[A-Za-z0-9+/])"
)
"""A private key without a passphrase. OpenSSH's format begins with the name of the cipher, here "none"."""
TOKEN = r"(AKIA|ASIA)[A-Z0-9]{16}|glpat-[A-Za-z0-9_-]{20}"  # noqa: S105 - a pattern, not a token
"""An AWS access key's id (IAM User Guide, "IAM identifiers"), a GitLab token (its docs, "Token prefixes")."""
NAMED = r"(vault_|nocodb_|pg_backup_|gitlab_pat|ansible_)[A-Za-z0-9_]*[\"']?[[:space:]]*[:=]"
LOOK = ("grep", "-rIlE", f"{NAMED}|{KEY}|{TOKEN}", ".")
OWN = ("pipeline", "tests", "benchmarks", "docs")
"""Folders with the project's code and texts, which name secrets but contain none."""
OTHERS = (".git", ".venv", ".tools", ".terraform", ".secrets", ".*_cache", "site-packages", "node_modules")
"""Folders with files of other projects, and with the secrets of a running step."""
UNVALUED = ("meta",)
"""Folders of roles that describe variables, but do not set them."""

Seen = set[tuple[int, str]]


async def require_encrypted(d: Deployment) -> None:
    """Make sure that no secret is in the checkout in plain text.

    This checks vault.yml, all other files with variables, private keys, AWS access keys, GitLab tokens, and
    the file with the vault's password. It does not check `.env`: nothing here reads that file, git and Dagger
    ignore it, and no command can encrypt it so that it still works.

    Raises:
        SettingsError: there are such secrets; the error names each file, and the command that fixes it.
    """
    exposures = [*await _look_into_files(d), *await _look_for_password_file(d)]
    if exposures:
        what = "\n".join(["the checkout has secrets in plain text:", *(f"  {each}" for each in exposures)])
        fix = "run the command in each line; replace secrets that others may have read, as after a git push"
        raise SettingsError(what, fix)


async def _look_into_files(d: Deployment) -> list[str]:
    without = (f"--exclude-dir={name}" for name in (*OTHERS, *UNVALUED))
    step = Step("check: plain text", (*LOOK, *without), private=True)
    listed = (await d.run(step)).check(1, 2).stdout  # 1: no matches; 2: some files may not be read
    paths = {PurePosixPath(line) for line in listed.splitlines()} | {VAULT}
    texts = {path: await d.runner.read(path) for path in sorted(paths)}
    has_vault = texts[VAULT] is not None
    return [exposure for path, text in texts.items() if text and (exposure := exposed(path, text, has_vault))]


def exposed(path: PurePosixPath, text: str, vault: bool) -> str:
    """Return which secret a file has in plain text, and the command that fixes it; empty if there is none.

    Args:
        path: the file's path in the checkout.
        text: the file's content.
        vault: whether vault.yml exists.
    """
    if ENCRYPTED.fullmatch(text):
        return ""
    if UNLOCKED.search(text):
        return f"{path}: a private key; `mv {_typed(path)} ~/.ssh/` and name that file in QUICKDATA_SSH_KEY"
    if names := sorted(_names(path, text)):
        return f"{path}: {', '.join(names)}; {_remedy(path, vault)}"
    if _is_looked_at(path) and "tfstate" not in path.name and re.search(TOKEN, text):
        return f"{path}: an AWS access key or a GitLab token; remove it, and export the variable instead"
    return ""


def _is_looked_at(path: PurePosixPath) -> bool:
    return path.parts[0] not in OWN and not path.name.startswith(".env")


def _remedy(path: PurePosixPath, vault: bool) -> str:
    if path == EXAMPLE and vault:
        return f"put its values into `{ANSIBLE_VAULT} edit {VAULT}`, then remove them: `git checkout {path}`"
    if path == EXAMPLE:
        return f"`mv {path} {VAULT}`, `git checkout {path}`, then `{ANSIBLE_VAULT} encrypt {VAULT}`"
    return f"`{ANSIBLE_VAULT} encrypt {_typed(path)}`" + (
        "" if path == VAULT else ", or move it into the vault"
    )


def _typed(path: PurePosixPath) -> str:
    return shlex.quote(str(path))


def _names(path: PurePosixPath, text: str) -> set[str]:
    """Return the variables with a secret in plain text. In vault.yml, every variable counts as a secret."""
    if not _is_looked_at(path):
        return set()
    assigned = {each[0] for each in re.findall(rf"\b{SECRET}=(?![\"']?(?:\s|\{{\{{|$))", text)}
    return assigned | _in_yaml(path, text)


def _in_yaml(path: PurePosixPath, text: str) -> set[str]:
    which = re.compile(".*" if path == VAULT else SECRET)
    try:
        seen: Seen = set()
        return {
            name for node in yaml.compose_all(text, yaml.SafeLoader) for name in _plain(node, which, seen)
        }
    except (yaml.YAMLError, RecursionError):
        named = re.findall(rf"{SECRET}[\"']?\s*:", text)
        return {each[0] for each in named} or ({"it is not YAML"} if path == VAULT else set())


def _plain(node: yaml.Node | None, which: re.Pattern[str], seen: Seen, name: str = "") -> Iterator[str]:
    """Yield the names of secrets with a value that is neither empty, nor encrypted, nor a template."""
    if node is None or (id(node), name) in seen:  # an alias may refer to a node that contains it
        return
    seen.add((id(node), name))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            own = str(key.value) if which.fullmatch(str(key.value)) else name
            yield from _plain(value, which, seen, own)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _plain(each, which, seen, name)
    elif name and _has_value(node):
        yield name


def _has_value(node: yaml.Node) -> bool:
    nothing = node.tag == "tag:yaml.org,2002:null" or not str(node.value).strip()
    return not (nothing or node.tag.startswith("!vault") or "{{" in node.value)


async def _look_for_password_file(d: Deployment) -> list[str]:
    """Find the vault's password in the checkout. A script that reads it from elsewhere is allowed."""
    path = PurePosixPath(d.ansible.env.get("ANSIBLE_VAULT_PASSWORD_FILE", ""))
    if not path.is_relative_to(d.runner.root):
        return []
    inside = path.relative_to(d.runner.root)
    script = (await d.run(Step("check: vault's password", ("test", "-x", str(path))))).exit_code == 0
    if script or ENCRYPTED.fullmatch(await d.runner.read(inside) or ""):
        return []
    moved = f"`mv {_typed(inside)} ~/` and name that file in ANSIBLE_VAULT_PASSWORD_FILE"
    return [f"{inside}: the vault's password; {moved}"]
