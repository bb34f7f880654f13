"""Who deploys in an end-to-end test: the variables, the vault, and the server that the stack would start."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from pipeline.deployment import DATABASE
from pipeline.rehearsal.database import SQL
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres, postgres
from tests.support.emulated import Checkout

END = "/+&<>%=end"
"""Characters that are written otherwise in URLs, in JSON, and in base64 for URLs."""
UPLOAD = "nodes/database/srv/quickdata/nocodb/nc/uploads/receipt.txt"
UPLOADED = "An attachment: NocoDB keeps these in files.\n"


def canary(name: str) -> str:
    return f"{name}-{secrets.token_hex(8)}{END}"


def variables(suffix: str) -> dict[str, str]:
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_PASSWORD", "GITLAB_PAT")
    plain = {"AWS_ACCESS_KEY_ID": "test", "TF_VAR_bucket_suffix": suffix, "GITLAB_USER": "somebody"}
    return {**plain, "TF_VAR_admin_cidr": "203.0.113.7/32", **{name: canary(name.lower()) for name in names}}


def vault() -> dict[str, str]:
    names = ("vault_db_password", "vault_nocodb_jwt_secret", "vault_nocodb_admin_password")
    return {"vault_nocodb_admin_email": "owner@example.org", **{name: canary(name) for name in names}}


@contextmanager
def empty_database(directory: Path, found: Checkout, aws: LocalStack, password: str) -> Iterator[Postgres]:
    """Run a server as the stack would start it: with the vault's password and NocoDB's own tables."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(postgres(directory)) as new:
        new.psql(f"ALTER ROLE {new.user} PASSWORD '{password}'")
        server = replace(new, password=password)
        found.surround(aws, server)
        server.psql((SQL / "first.sql").read_text(), DATABASE)
        yield server


def fingerprint(server: Postgres) -> str:
    return server.psql((SQL / "fingerprint.sql").read_text(), DATABASE)
