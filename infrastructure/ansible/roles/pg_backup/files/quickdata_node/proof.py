"""The proof of a restore: rows, definitions and files that came back, beside what the manifest says."""

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
    """Count the rows that came back.

    Args:
        server: where they are.
        scratch: the database that they are in.
        name: the backup's.
        manifest: what has to be there.
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
    """Return a line for each object that is not defined as it was; the log has some of them.

    Another major version of pg_dump may write the same definitions otherwise: then they are not compared.

    Args:
        server: where they are.
        scratch: the database that they are in.
        manifest: what has to be there.
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
    """Compare the attachments that came back.

    Args:
        run: this run.
        name: the backup's.
        manifest: what has to be there.
        actual: what is there.
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
    """Return the major version in what a client says of itself."""
    found = re.search(r"\d+", client)
    return found[0] if found else ""
