"""The verb `rehearse`."""

from typing import Annotated, Literal

from typing_extensions import Doc

from pipeline.rehearsal.which_nodes import rehearse_on
from pipeline.settings.suffix import valid_suffix
from pipeline.verbs.call import Call
from pipeline.verbs.options import Option

Suffix = Annotated[str, Doc("Stands for TF_VAR_bucket_suffix."), Option(valid_suffix)]
Nodes = Annotated[
    Literal["auto", "local", "docker"],
    Doc(
        "docker: the nodes are containers, reached by SSH: a real Swarm, NocoDB, Adminer. local: they are"
        " directories, the database is a process: the files and the program, no Swarm. auto: docker where"
        " Docker answers and has the images or can pull them, else local."
    ),
    Option(terminal_only=True),
]  # under Dagger they are directories


async def rehearse(call: Call, suffix: Suffix = "rehearsal", nodes: Nodes = "auto") -> None:
    """Rehearse the whole deployment on LocalStack, without AWS.

    Deploys storage and app, configures two nodes, backs up, damages, restores, compares, deploys
    again, destroys the app. Needs no settings and touches nothing real. Takes 4 to 15 minutes, and
    downloads the first time.

    On this machine, Docker is used where it answers, but not needed. What stays: reports/, a downloaded
    OpenTofu in ~/.cache/quickdata (or XDG_CACHE_HOME), images in Docker.

    Example: quickdata rehearse
    """
    await rehearse_on(nodes, call.progress, call.report, suffix, call.surroundings)
