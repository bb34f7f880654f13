"""Secrets that lie in the checkout unencrypted: told by path and by name, never by value."""

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
"""As it is typed in the checkout, where `make install` puts it."""

SECRET = (
    r"(vault_[A-Za-z0-9_]+|nocodb_(db_password|jwt_secret|admin_password|registry_token)"  # noqa: S105 - names
    r"|pg_backup_(notify|ping_url|pg_password)|gitlab_pat|ansible_(become_|ssh_)?pass(word)?)"
)
"""The variables that hold a secret: the vault's, the roles' and Ansible's own, which any file can set."""
KEY = r"BEGIN ([A-Z]+ )?PRIVATE KEY-----"
UNLOCKED = re.compile(
    r"BEGIN (OPENSSH PRIVATE KEY-----\s+b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
    r"|((RSA|EC|DSA) )?PRIVATE KEY-----\s+(?!Proc-Type:)[A-Za-z0-9+/])"
)
"""A private key without a passphrase: OpenSSH's own format begins with its cipher's name, here "none"."""
TOKEN = r"(AKIA|ASIA)[A-Z0-9]{16}|glpat-[A-Za-z0-9_-]{20}"  # noqa: S105 - what one looks like
"""An AWS access key's id (IAM User Guide, "IAM identifiers"), a GitLab token (its docs, "Token prefixes")."""
NAMED = r"(vault_|nocodb_|pg_backup_|gitlab_pat|ansible_)[A-Za-z0-9_]*[\"']?[[:space:]]*[:=]"
LOOK = ("grep", "-rIlE", f"{NAMED}|{KEY}|{TOKEN}", ".")
OWN = ("pipeline", "tests", "benchmarks", "docs")
"""Folders of the project's own code and texts, which name secrets and hold none."""
OTHERS = (".git", ".venv", ".tools", ".terraform", ".secrets", ".*_cache", "site-packages", "node_modules")
"""Folders with other people's files, and with a running step's own secrets."""
UNVALUED = ("meta",)
"""Folders of roles that describe variables, and set none."""

Seen = set[tuple[int, str]]


async def require_encrypted(d: Deployment) -> None:
    """Make sure that no secret lies in the checkout in plain text.

    Looked at are vault.yml, all other files of variables, private keys, AWS access keys and GitLab tokens,
    and the file with the vault's password. A `.env` is not: nothing here reads it, git and Dagger leave it
    out, and there is no command that encrypts it and lets it be used.

    Raises:
        SettingsError: some do, with every file, and the command that encrypts it or takes it out.
    """
    exposures = [*await _look_into_files(d), *await _look_for_password_file(d)]
    if exposures:
        what = "\n".join(["secrets lie in the checkout in plain text:", *(f"  {each}" for each in exposures)])
        fix = "run the command beside each; replace every secret that others may have read, as by a git push"
        raise SettingsError(what, fix)


async def _look_into_files(d: Deployment) -> list[str]:
    without = (f"--exclude-dir={name}" for name in (*OTHERS, *UNVALUED))
    step = Step("check: plain text", (*LOOK, *without), private=True)
    listed = (await d.run(step)).check(1, 2).stdout  # 1: none; 2: some files are not ours to read
    paths = {PurePosixPath(line) for line in listed.splitlines()} | {VAULT}
    texts = {path: await d.runner.read(path) for path in sorted(paths)}
    has_vault = texts[VAULT] is not None
    return [exposure for path, text in texts.items() if text and (exposure := exposed(path, text, has_vault))]


def exposed(path: PurePosixPath, text: str, vault: bool) -> str:
    """Return what lies in a file in plain text and the command that changes it; empty when nothing does.

    Args:
        path: the file's, in the checkout.
        text: what is in it.
        vault: whether there is a vault.yml.
    """
    if ENCRYPTED.fullmatch(text):
        return ""
    if UNLOCKED.search(text):
        return f"{path}: a private key; `mv {_typed(path)} ~/.ssh/` and name it in QUICKDATA_SSH_KEY"
    if names := sorted(_names(path, text)):
        return f"{path}: {', '.join(names)}; {_remedy(path, vault)}"
    if _is_looked_at(path) and "tfstate" not in path.name and re.search(TOKEN, text):
        return f"{path}: an AWS access key or a GitLab token; take it out, and export the variable instead"
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
    """Return the variables with a plain value; of vault.yml all count, and a file that is not YAML does."""
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
    if node is None or (id(node), name) in seen:  # an alias may lead back to where it is
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
    """Say where the vault's password lies beside the vault; a script that asks for it elsewhere may."""
    path = PurePosixPath(d.ansible.env.get("ANSIBLE_VAULT_PASSWORD_FILE", ""))
    if not path.is_relative_to(d.runner.root):
        return []
    inside = path.relative_to(d.runner.root)
    script = (await d.run(Step("check: vault's password", ("test", "-x", str(path))))).exit_code == 0
    if script or ENCRYPTED.fullmatch(await d.runner.read(inside) or ""):
        return []
    return [
        f"{inside}: the vault's password; `mv {_typed(inside)} ~/`, set ANSIBLE_VAULT_PASSWORD_FILE to it"
    ]
