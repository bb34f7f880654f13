"""The policies for whoever deploys, as an administrator fills them in."""

import json
from collections.abc import Collection
from typing import Any

from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import ACCOUNT, REGION
from pipeline.settings.suffix import BASE_NAME

FOLDER = REPOSITORY / "infrastructure/deployer"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def filled_in(text: str, suffix: str, base: str = BASE_NAME, region: str = REGION) -> str:
    """Replace the placeholders."""
    values = {"ACCOUNT": ACCOUNT, "REGION": region, "BASE": base, "SUFFIX": suffix}
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def statements() -> list[dict[str, Any]]:
    """Return the statements of both policies, with placeholders."""
    return [each for path in FILES.values() for each in json.loads(path.read_text())["Statement"]]


def deployer_policy(suffix: str, without: Collection[str] = (), base: str = BASE_NAME) -> str:
    """Return both policies as one: IAM takes a statement of any of them.

    Args:
        suffix: the deployment's.
        without: the Sid of statements that the administrator has taken away.
        base: the beginning of the bucket's name.
    """
    kept = [each for each in statements() if each["Sid"] not in without]
    return filled_in(json.dumps({"Version": "2012-10-17", "Statement": kept}), suffix, base)


def actions() -> set[str]:
    """Return every action that the policies name."""
    named = [each["Action"] for each in statements()]
    return {action for each in named for action in ([each] if isinstance(each, str) else each)}
