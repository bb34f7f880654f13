"""The proof of a restore: rows, definitions and files that came back, beside what the manifest says."""

import re
from collections.abc import Iterable

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
    differing = _tell(server.run, differences(manifest.tables, actual))
    if differing:
        raise Failed(f"{differing} tables differ from the manifest of {name}", ANOTHER, 4)


def prove_definitions(
    server: Server, scratch: str, name: str, manifest: Manifest, incomplete: bool = False
) -> None:
    """Look at the definitions that came back. Another pg_dump may write the same ones otherwise.

    Args:
        server: where they are.
        scratch: the database that they are in.
        name: the backup's.
        manifest: what has to be there.
        incomplete: objects are missing, which is known: then differences are shown, and refuse nothing.
    """
    if manifest.definitions is None:
        return
    client = server.output("pg_dump", "--version").strip()
    if client and _major(client) != _major(manifest.client_version):
        server.run.log(f"definitions are not compared: {manifest.client_version} wrote them, not {client}")
        return
    try:
        actual = definitions.ask(server, scratch)
    except ServerFailed as error:
        raise Failed("the restored definitions cannot be read", ABOVE) from error
    others = _tell(server.run, differences_of_definitions(manifest.definitions, actual))
    if others and not incomplete:
        raise Failed(f"{others} objects are not defined as the manifest of {name} says", ANOTHER, 4)


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


def _tell(run: Run, differences: Iterable[str]) -> int:
    """Log the first differences, and return how many there are."""
    found = list(differences)
    for line in found[:SHOWN]:
        run.log(f"different: {line}")
    return len(found)


def _major(client: str) -> str:
    """Return the major version in what a client says of itself."""
    found = re.search(r"\d+", client)
    return found[0] if found else ""
