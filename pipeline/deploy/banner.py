"""The last lines of a deployment: the addresses that a user opens."""

from typing import Any

from pipeline.ansible.inventory import Variables
from pipeline.deployment import (
    ADMINER_PORT,
    DATABASE,
    DATABASE_SERVICE,
    DATABASE_USER,
    NOCODB_PORT,
    Deployment,
)

NOT_RUNNING = "not running: local nodes have no Docker"


def banner(d: Deployment, outputs: dict[str, Any]) -> str:
    """Return what a user needs to reach the deployment."""
    nocodb_at, adminer_at = _addresses(d, outputs)
    lines = {
        "DB host/service ": DATABASE_SERVICE,
        "DB name         ": DATABASE,
        "DB user         ": DATABASE_USER,
        "S3 bucket       ": outputs["backup_bucket"],
        "NocoDB          ": nocodb_at,
        "Adminer         ": adminer_at,
    }
    return "\n".join(f"{label}: {value}" for label, value in lines.items())


def _addresses(d: Deployment, outputs: dict[str, Any]) -> tuple[str, str]:
    """Return the addresses of NocoDB and Adminer.

    An emulator invents the public addresses of nodes. They belong to other owners, so they are not shown.
    """
    if not d.real_nodes:
        return NOT_RUNNING, NOT_RUNNING
    names = {node["role"]: name for name, node in outputs["nodes"].items()}
    own = {role: d.hosts[name]["ansible_host"] for role, name in names.items() if name in d.hosts}
    if own:
        of_nodes = ((own["database"], NOCODB_PORT), (own["manager"], ADMINER_PORT))
        nocodb, adminer = (f"http://{host}:{port} (while the nodes run)" for host, port in of_nodes)
        return nocodb, adminer
    tunnel = d.advice("`quickdata tunnel`")
    nocodb, adminer = (f"{tunnel}, then http://127.0.0.1:{port}" for port in (NOCODB_PORT, ADMINER_PORT))
    return _public_url(d, outputs["nodes"][names["database"]]) or nocodb, adminer


def _public_url(d: Deployment, database: Variables) -> str:
    """Return NocoDB's address on the Internet; empty if only a tunnel leads to NocoDB."""
    if domain := d.common.get("nocodb_domain"):
        return f"https://{domain}"
    if d.app.env.get("TF_VAR_open_nocodb_port") == "true":
        return f"http://{database['public_ip']}:{NOCODB_PORT} (passwords cross the Internet in clear)"
    return ""
