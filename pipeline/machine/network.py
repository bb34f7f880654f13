"""How this machine reaches the network: the variables that steps, and the nodes of a rehearsal, get from it.

The environments of steps are built, not inherited. What downloads something on a closed network
needs its proxy, its authorities and its package index. Nothing else of the caller's environment is passed on.
"""

import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""For every tool. Some read the upper case, some the lower, so a step has both."""
DIRECT = "NO_PROXY"
"""The hosts that are asked without a proxy, in both cases too."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
BUNDLES = (
    "SSL_CERT_FILE",  # OpenTofu, OpenSSL
    "REQUESTS_CA_BUNDLE",  # pip
    "AWS_CA_BUNDLE",  # boto3, OpenTofu's provider and its s3 backend
    "CURL_CA_BUNDLE",
    "PIP_CERT",
)
"""The authorities to trust, each tool's own variable."""
FILES = (*BUNDLES, "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PIP_CONFIG_FILE")
"""What names a file or a directory."""
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST")
"""Where pip finds a node's packages."""
CREDENTIALS = re.compile(r"(?:^|//|\s)([^/\s]+)@")
"""A user and a password, or a token, before the host of a URL."""


def passed_on() -> dict[str, str]:
    """Return the variables that a step of this machine gets."""
    variables = {name: os.environ[name] for name in INDEXES if os.environ.get(name)}
    variables |= {name: str(Path(os.environ[name]).absolute()) for name in FILES if os.environ.get(name)}
    if "PIP_CONFIG_FILE" not in variables and (file := _pip_configuration()):
        variables["PIP_CONFIG_FILE"] = str(file)  # a rehearsal's steps have another HOME
    for name in PROXIES:
        variables |= _in_both_cases(name)
    return variables | without_proxy()


def for_other_machines() -> tuple[str, ...]:
    """Return the names of those variables that mean the same on a node that is not this machine.

    Paths do not. What holds a password does, but Ansible would write it into command lines.
    """
    variables = passed_on()
    names = (*INDEXES, *(each for name in (*PROXIES, DIRECT) for each in (name, name.lower())))
    return tuple(name for name in names if _is_for_others(name, variables.get(name, "")))


def authorities() -> Path | None:
    """Return the file of authorities that the caller names for any tool, None without one."""
    bundles = (os.environ.get(name, "") for name in BUNDLES)
    return next((Path(bundle).absolute() for bundle in bundles if Path(bundle).is_file()), None)


def _is_for_others(name: str, value: str) -> bool:
    """Tell whether a value means the same on another machine, and is not a secret.

    A path does not, nor does a server on the loopback; NO_PROXY names hosts, and may begin with a dot.
    """
    if name.upper() == DIRECT:
        return bool(value)
    of_this_machine = value.startswith(("/", ".")) or any(f"//{host}" in value for host in LOOPBACK)
    return bool(value) and not of_this_machine and not list(passwords([value]))


def without_proxy(*hosts: str) -> dict[str, str]:
    """Return NO_PROXY in both cases, completed by the loopback.

    Args:
        hosts: further hosts that are asked directly, such as an emulator's.
    """
    direct_hosts = ",".join(_in_both_cases(DIRECT).values())
    direct = dict.fromkeys([*(host.strip() for host in direct_hosts.split(",")), *LOOPBACK, *hosts])
    value = "*" if "*" in direct else ",".join(filter(None, direct))
    return {DIRECT: value, DIRECT.lower(): value}


def passwords(values: Iterable[str]) -> Iterator[str]:
    """Yield the secret parts of proxies' and indexes' URLs, as they are written and as they are sent."""
    for credentials in (each for value in values for each in CREDENTIALS.findall(value)):
        plain = unquote(credentials)
        yield from (credentials, plain, base64.b64encode(plain.encode()).decode())
        if ":" in credentials:
            written = credentials.partition(":")[2]
            yield from (written, unquote(written))


def _in_both_cases(name: str) -> Mapping[str, str]:
    """Return a variable's value in both cases: each its own, or that of the other."""
    cases = (name, name.lower())
    values = {each: os.environ[each] for each in cases if os.environ.get(each)}
    return {each: values.get(each) or next(iter(values.values())) for each in cases if values}


def _pip_configuration() -> Path | None:
    """Return the user's configuration of pip (its docs: "Configuration Files"), None without one."""
    home = Path.home()
    above = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = (above / "pip/pip.conf", home / ".pip/pip.conf")
    return next((place for place in places if place.is_file()), None)
