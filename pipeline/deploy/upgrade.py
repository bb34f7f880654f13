"""Other images of the services that hold data: noticed before they run, with a verified backup first.

The migration of a newer NocoDB cannot be undone.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from pipeline.ansible.check_mode import images_of
from pipeline.ansible.playbooks import FOLDER, count_matched
from pipeline.backups import nocodb
from pipeline.backups.node import backup, in_words, verify
from pipeline.deploy.services import list_services
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, SettingsError

IMAGES = FOLDER / "group_vars/all/images.yml"
HOLD_DATA = ("db", "nocodb")
"""The services whose image decides what becomes of the data."""
STACK = "nocodb"
STACK_FILE = "opt/quickdata/stack.yml"


@dataclass(frozen=True)
class Upgrade:
    """What a deployment would put in the place of the images that run.

    Args:
        images: each service that holds data and gets another image, in words such as "db: a → b".
        has_nocodb: whether there is a NocoDB to stop.
    """

    images: tuple[str, ...] = ()
    has_nocodb: bool = False


async def look(d: Deployment, inventory: str = "") -> Upgrade:
    """Compare the images that run with those that images.yml names; where there are no data, none count.

    Args:
        d: the deployment.
        inventory: another inventory's path; empty for the deployment's own.

    Raises:
        PipelineError: the nodes could not be asked.
    """
    running = await _running_images(d, inventory)
    named = await _named_images(d) if running else {}
    changes = tuple(
        f"{name}: {running[name]} → {named[name]}" for name in HOLD_DATA if _differ(name, running, named)
    )
    return Upgrade(changes, "nocodb" in running) if changes and await _has_data(d, inventory) else Upgrade()


async def _running_images(d: Deployment, inventory: str) -> Mapping[str, str]:
    """Return the images by service: what the Swarm runs; on local nodes, what was deployed last."""
    if not d.real_nodes:
        node = PurePosixPath(str(d.hosts.get("manager", {}).get("node_prefix", "/")))
        return images_of(await d.runner.read(node / STACK_FILE))
    listed = await list_services(d, "ansible: images that run", inventory)
    return {each["name"].removeprefix(f"{STACK}_"): each["image"] for each in listed}


async def _named_images(d: Deployment) -> Mapping[str, str]:
    try:
        named: dict[str, str] = yaml.safe_load(await d.runner.read(IMAGES) or "")["images"]
        return {service: str(named[service]) for service in HOLD_DATA}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        what = f"{IMAGES} does not name the images of {' and '.join(HOLD_DATA)}"
        raise SettingsError(what, "bring it back from git, and change nothing but tags") from error


def _differ(name: str, running: Mapping[str, str], named: Mapping[str, str]) -> bool:
    return name in running and _plain(running[name]) != _plain(named[name])


def _plain(image: str) -> str:
    """Return an image's name as Docker shows it: without a digest, and without the words for Docker Hub."""
    return image.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")


async def _has_data(d: Deployment, inventory: str) -> bool:
    """Tell whether there ever was a database: a first image that cannot be pulled makes none."""
    return not d.real_nodes or count_matched(await d.run(d.ansible.find_data(inventory))) > 0


@asynccontextmanager
async def verified_backup_first(d: Deployment, upgrade: Upgrade) -> AsyncIterator[None]:
    """Stop NocoDB, take a backup and verify it, then deploy the images in the block.

    The block brings NocoDB back. If the backup or the block fails, this does.

    Raises:
        PipelineError: there is no verified backup; nothing was deployed then.
    """
    d.progress.note(f"other images ({', '.join(upgrade.images)}): a verified backup is taken first")
    async with nocodb.stopped(d) if upgrade.has_nocodb else nullcontext():
        try:
            await _save(d)
        except PipelineError as error:
            images = ", ".join(upgrade.images)
            what = f"no verified backup: {error.what}; not deployed: {images}"
            fix = f"fix the cause (see `quickdata verify`) or put the old tags back in {IMAGES}; then deploy"
            raise type(error)(what, d.advice(fix), error.tail) from error
        yield


async def _save(d: Deployment) -> None:
    """Back up and verify; a database without a table, whose NocoDB never ran, has nothing to compare."""
    made = await backup(d)
    if made["tables"]:
        proof = {"backup": made, **await verify(d, made["id"])}
        d.report.prove("backup before other images", in_words(proof), **proof)
        d.progress.note(d.advice(f"`quickdata restore --id {made['id']}` brings this data back"))
