"""The verb `rehearse`."""

from typing import Annotated, Literal

from typing_extensions import Doc

from pipeline.rehearsal.which_nodes import rehearse_on
from pipeline.settings.suffix import valid_suffix
from pipeline.verbs.call import Call
from pipeline.verbs.options import Option

Suffix = Annotated[str, Doc("The suffix of the rehearsed deployment's names."), Option(valid_suffix)]
Nodes = Annotated[
    Literal["auto", "local", "docker"],
    Doc(
        "docker: nodes are containers with SSH; they run a real Swarm with NocoDB and Adminer. local: each"
        " node is a directory and the database is a process; this tests the files and the backup program, not"
        " the Swarm. auto: docker if Docker runs and has the images or can get them, else local."
    ),
    Option(terminal_only=True),
]  # under Dagger, nodes are always directories


async def rehearse(call: Call, suffix: Suffix = "rehearsal", nodes: Nodes = "auto") -> None:
    """Rehearse the whole deployment on LocalStack, without AWS.

    A rehearsal deploys storage and app and configures two nodes. It takes a backup, damages the database,
    restores the backup and compares. It deploys again, then destroys the app. It needs no settings and
    changes nothing on AWS. It takes 4 to 15 minutes, and 15 to 35 where Docker runs. The first one downloads
    up to 550 MB, a later one up to 300 MB for the AWS provider; with Docker, 2 GB of images are added once.

    On this machine, Docker is used if it runs, but it is not required. Afterwards, only these remain:
    reports/, a downloaded OpenTofu in ~/.cache/quickdata (or XDG_CACHE_HOME), and images in Docker. Nodes in
    Docker also leave empty control groups until the machine restarts.

    Example: quickdata rehearse
    """
    await rehearse_on(nodes, call.progress, call.report, suffix, call.surroundings)
