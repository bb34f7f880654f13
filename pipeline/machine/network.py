"""The network settings of this machine, as variables for steps and for the nodes of a rehearsal.

The environment of a step is built, not inherited. On a closed network, downloads need the proxy, the
certificate authorities and the package index. No other variable of the caller is passed on.
"""

import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Proxies for all tools. Some tools read the upper case and some the lower case, so a step has both."""
DIRECT = "NO_PROXY"
"""Hosts that are reached without a proxy; also in upper and lower case."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
BUNDLES = (
    "SSL_CERT_FILE",  # OpenTofu, OpenSSL
    "REQUESTS_CA_BUNDLE",  # pip
    "AWS_CA_BUNDLE",  # boto3, OpenTofu's provider and its s3 backend
    "CURL_CA_BUNDLE",
    "PIP_CERT",
)
"""Variables for the certificate authorities; each tool has its own."""
FILES = (*BUNDLES, "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PIP_CONFIG_FILE")
"""Variables that name a file or a directory."""
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST")
"""Variables that tell pip where to find packages for a node."""
CREDENTIALS = re.compile(r"(?:^|//|\s)([^/\s]+)@")
"""A user and password, or a token, before the host of a URL."""


def passed_on() -> dict[str, str]:
    """Return the network variables for a step on this machine."""
    variables = {name: os.environ[name] for name in INDEXES if os.environ.get(name)}
    variables |= {name: str(Path(os.environ[name]).absolute()) for name in FILES if os.environ.get(name)}
    if "PIP_CONFIG_FILE" not in variables and (file := _pip_configuration()):
        variables["PIP_CONFIG_FILE"] = str(file)  # the steps of a rehearsal have another HOME
    for name in PROXIES:
        variables |= _in_both_cases(name)
    return variables | without_proxy()


def for_other_machines() -> tuple[str, ...]:
    """Return the names of the variables that are also valid on other machines.

    Paths are not. A value with a password is left out too, because Ansible would write it into command lines.
    """
    variables = passed_on()
    names = (*INDEXES, *(each for name in (*PROXIES, DIRECT) for each in (name, name.lower())))
    return tuple(name for name in names if _is_for_others(name, variables.get(name, "")))


def authorities() -> Path | None:
    """Return the first file of authorities that the caller names for a tool; None if there is none."""
    bundles = (os.environ.get(name, "") for name in BUNDLES)
    return next((Path(bundle).absolute() for bundle in bundles if Path(bundle).is_file()), None)


def _is_for_others(name: str, value: str) -> bool:
    """Tell whether a value is valid on another machine, and is not a secret.

    A path is not valid there, and neither is a server on the loopback. NO_PROXY may begin with a dot.
    """
    if name.upper() == DIRECT:
        return bool(value)
    of_this_machine = value.startswith(("/", ".")) or any(f"//{host}" in value for host in LOOPBACK)
    return bool(value) and not of_this_machine and not list(passwords([value]))


def without_proxy(*hosts: str) -> dict[str, str]:
    """Return NO_PROXY in upper and lower case, with the loopback added.

    Args:
        hosts: more hosts to reach without a proxy, such as an emulator's.
    """
    direct_hosts = ",".join(_in_both_cases(DIRECT).values())
    direct = dict.fromkeys([*(host.strip() for host in direct_hosts.split(",")), *LOOPBACK, *hosts])
    value = "*" if "*" in direct else ",".join(filter(None, direct))
    return {DIRECT: value, DIRECT.lower(): value}


def passwords(values: Iterable[str]) -> Iterator[str]:
    """Yield the secret parts of proxy and index URLs, as written and as sent over the network."""
    for credentials in (each for value in values for each in CREDENTIALS.findall(value)):
        plain = unquote(credentials)
        yield from (credentials, plain, base64.b64encode(plain.encode()).decode())
        if ":" in credentials:
            written = credentials.partition(":")[2]
            yield from (written, unquote(written))


def _in_both_cases(name: str) -> Mapping[str, str]:
    """Return a variable in upper and lower case: each with its own value, or with the value of the other."""
    cases = (name, name.lower())
    values = {each: os.environ[each] for each in cases if os.environ.get(each)}
    return {each: values.get(each) or next(iter(values.values())) for each in cases if values}


def _pip_configuration() -> Path | None:
    """Return the user's configuration file of pip (its docs: "Configuration Files"); None without one."""
    home = Path.home()
    above = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = (above / "pip/pip.conf", home / ".pip/pip.conf")
    return next((place for place in places if place.is_file()), None)
