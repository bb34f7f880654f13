"""The verb `tunnel`."""

from pipeline.deploy.tunnel import find_tunnels, hold_until_signal
from pipeline.settings.inputs import NodeSettings
from pipeline.verbs.call import NodesCall


async def tunnel(call: NodesCall) -> None:
    """Open NocoDB and Adminer on this machine, through SSH, until Ctrl-C.

    Both addresses are printed: http://127.0.0.1:8080 and http://127.0.0.1:8081, or another port where one of
    these is in use. With a domain, only Adminer needs a tunnel.

    A connection that breaks is made again. If the node does not answer for two minutes, the verb ends with
    exit code 1. Ctrl-C ends it with exit code 0.

    Example: quickdata tunnel
    """
    settings = await call.read(NodeSettings)
    async with call.deployment(settings) as d:
        await hold_until_signal(d, await find_tunnels(d), settings.ssh_key)
