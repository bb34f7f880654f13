"""The proof of a restore: it compares restored rows, definitions and files with the manifest."""

import re
from collections.abc import Sequence

from quickdata_node import definitions
from quickdata_node.attachments import Files
from quickdata_node.compare import SHOWN, differences, differences_of_definitions
from quickdata_node.fingerprints import count
from quickdata_node.manifest import Manifest
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed

ABOVE = "the lines above say why"
ANOTHER = "restore another backup with --id; the live database was not touched"


def prove_rows(server: Server, scratch: str, name: str, manifest: Manifest) -> None:
    """Count the restored rows, and compare them with the manifest.

    Args:
        server: the server.
        scratch: the scratch database.
        name: name of the backup.
        manifest: manifest of the backup.
    """
    try:
        actual = count(server, scratch, manifest.format)
    except ServerFailed as error:
        raise Failed("the restored rows cannot be counted", ABOVE) from error
    differing = list(differences(manifest.tables, actual))
    _tell(server.run, differing)
    if differing:
        raise Failed(f"{len(differing)} tables differ from the manifest of {name}", ANOTHER, 4)


def find_other_definitions(server: Server, scratch: str, manifest: Manifest) -> list[str]:
    """Return a line for each object whose definition differs. The log shows the first lines.

    Definitions are compared only if the same major version of pg_dump writes both: another version may write
    the same definition in another way.

    Args:
        server: the server.
        scratch: the scratch database.
        manifest: manifest of the backup.
    """
    if manifest.definitions is None:
        return []
    client = server.output("pg_dump", "--version").strip()
    if client and _major(client) != _major(manifest.client_version):
        server.run.log(f"definitions are not compared: {manifest.client_version} wrote them, not {client}")
        return []
    try:
        actual = definitions.ask(server, scratch)
    except ServerFailed as error:
        raise Failed("the restored definitions cannot be read", ABOVE) from error
    found = list(differences_of_definitions(manifest.definitions, actual))
    _tell(server.run, found)
    return found


def prove_files(run: Run, name: str, manifest: Manifest, actual: Files) -> None:
    """Compare the restored attachments with the manifest.

    Args:
        run: this run.
        name: name of the backup.
        manifest: manifest of the backup.
        actual: the restored attachments.
    """
    stored = manifest.objects["attachments"]
    expected = Files(stored.files or 0, stored.file_bytes or 0)
    if stored.files is not None and actual != expected:
        run.log(
            f"different: the attachments are {actual.number} files of {actual.bytes} bytes"
            f" instead of {expected.number} of {expected.bytes}"
        )
        raise Failed(f"the attachments differ from the manifest of {name}", ANOTHER, 4)


def _tell(run: Run, differences: Sequence[str]) -> None:
    for line in differences[:SHOWN]:
        run.log(f"different: {line}")


def _major(client: str) -> str:
    """Return the major version from a client's --version."""
    found = re.search(r"\d+", client)
    return found[0] if found else ""
