"""New images of the services with data: they are deployed only after a verified backup.

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
"""The services with data: a new image may change the data."""
PITR_IMAGE = "quickdata_pitr_image"
"""The variable that names an image of the database with pgBackRest."""
PITR_BUILT = "localhost/quickdata/postgres-pgbackrest:"
"""Begins the name of that image when the database node builds it; PostgreSQL's tag and a hash follow."""
STACK = "nocodb"
STACK_FILE = "opt/quickdata/stack.yml"


@dataclass(frozen=True)
class Upgrade:
    """The images that a deployment would replace.

    Args:
        images: one text for each service with data that gets another image, such as "db: a → b".
        has_nocodb: whether NocoDB runs and must be stopped.
    """

    images: tuple[str, ...] = ()
    has_nocodb: bool = False


async def look(d: Deployment, inventory: str = "") -> Upgrade:
    """Compare the running images with those in images.yml. Without data, the result is empty.

    Args:
        d: the deployment.
        inventory: the path of another inventory; empty means the deployment's own.

    Raises:
        PipelineError: the nodes do not answer.
    """
    running = await _running_images(d, inventory)
    named = await _named_images(d) if running else {}
    changes = tuple(
        f"{name}: {running[name]} → {named[name]}" for name in HOLD_DATA if _differ(name, running, named)
    )
    return Upgrade(changes, "nocodb" in running) if changes and await _has_data(d, inventory) else Upgrade()


async def _running_images(d: Deployment, inventory: str) -> Mapping[str, str]:
    """Return the images that the Swarm runs, by service; on local nodes, those that were deployed last."""
    if not d.real_nodes:
        node = PurePosixPath(str(d.hosts.get("manager", {}).get("node_prefix", "/")))
        return images_of(await d.runner.read(node / STACK_FILE))
    listed = await list_services(d, "ansible: images that run", inventory)
    return {each["name"].removeprefix(f"{STACK}_"): each["image"] for each in listed}


async def _named_images(d: Deployment) -> Mapping[str, str]:
    """Return the images in images.yml by service, and under PITR_IMAGE the one with pgBackRest, if any."""
    try:
        declared = yaml.safe_load(await d.runner.read(IMAGES) or "")
        pitr = d.common.get(PITR_IMAGE) or declared.get(PITR_IMAGE) or ""
        return {service: str(declared["images"][service]) for service in HOLD_DATA} | {PITR_IMAGE: pitr}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        what = f"{IMAGES} does not name the images of {' and '.join(HOLD_DATA)}"
        raise SettingsError(what, "restore the file from git, and change only tags in it") from error


def _differ(name: str, running: Mapping[str, str], named: Mapping[str, str]) -> bool:
    if name not in running:
        return False
    now = _plain(running[name])
    if name == "db" and _has_pgbackrest(now, named):  # it is the same PostgreSQL
        return False
    return now != _plain(named[name])


def _has_pgbackrest(image: str, named: Mapping[str, str]) -> bool:
    """Tell whether an image is the named one of PostgreSQL, with pgBackRest added to it."""
    built = f"{PITR_BUILT}{named['db'].rpartition(':')[2]}-"
    return image.startswith(built) or image == _plain(named[PITR_IMAGE])


def _plain(image: str) -> str:
    """Return an image's name as Docker shows it: without a digest, and without the prefixes of Docker Hub."""
    return image.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")


async def _has_data(d: Deployment, inventory: str) -> bool:
    """Tell whether a database was ever created. There is none if even the first image could not be pulled."""
    return not d.real_nodes or count_matched(await d.run(d.ansible.find_data(inventory))) > 0


@asynccontextmanager
async def verified_backup_first(d: Deployment, upgrade: Upgrade) -> AsyncIterator[None]:
    """Stop NocoDB, take a backup and verify it; then the block deploys the new images.

    The block starts NocoDB again. If the backup or the block fails, this function starts it.

    Raises:
        PipelineError: there is no verified backup, and no new image was deployed.
    """
    d.progress.note(f"new images ({', '.join(upgrade.images)}): a backup is taken and verified first")
    async with nocodb.stopped(d) if upgrade.has_nocodb else nullcontext():
        try:
            await _save(d)
        except PipelineError as error:
            images = ", ".join(upgrade.images)
            what = f"no verified backup, so these images were not deployed: {images}; cause: {error.what}"
            fix = f"fix the cause (try `quickdata verify`) or restore the old tags in {IMAGES}; then deploy"
            raise type(error)(what, d.advice(fix), error.tail) from error
        yield


async def _save(d: Deployment) -> None:
    """Back up and verify. A database without tables, where NocoDB never ran, has nothing to compare."""
    made = await backup(d)
    if made["tables"]:
        proof = {"backup": made, **await verify(d, made["id"])}
        d.report.prove("backup before other images", in_words(proof), **proof)
        d.progress.note(d.advice(f"`quickdata restore --id {made['id']}` restores this data"))
