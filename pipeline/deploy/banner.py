"""The last lines of a deployment: the addresses that a user opens."""

from typing import Any

from pipeline.deployment import DATABASE, DATABASE_SERVICE, DATABASE_USER, Deployment

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
    nodes, domain = outputs["nodes"], d.common.get("nocodb_domain")
    names = {node["role"]: name for name, node in nodes.items()}
    own = {role: d.hosts[name]["ansible_host"] for role, name in names.items() if name in d.hosts}
    database, manager = (own.get(role, nodes[names[role]]["public_ip"]) for role in ("database", "manager"))
    url = f"https://{domain}" if domain else f"http://{database}:8080"
    if own:
        return f"{url} (while the nodes run)", f"http://{manager}:8081 (while the nodes run)"
    tunnel = f"ssh -N -L 8081:127.0.0.1:8081 {outputs['ssh_user']}@{manager}"
    return url, f"{tunnel}, then http://127.0.0.1:8081"
