"""Predict what a playbook would change on existing nodes, by its check mode."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipeline.ansible.playbooks import count_changed
from pipeline.steps.output import changed_tasks, events
from pipeline.steps.step import Result

STACK_FILE = "stack.yml"
"""The file that nocodb.yml writes for the Swarm; it names every image."""


@dataclass(frozen=True)
class Prediction:
    """The changes that a playbook would make.

    Args:
        changed: how many tasks would change something, on all hosts.
        unknown: tasks without check mode, which might change something.
        images: services that would get another image, in words.
        saved_first: new images that need a verified backup first, in words.
        hosts: the names of the tasks that would change something, by host.
    """

    changed: int
    unknown: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    saved_first: tuple[str, ...] = ()
    hosts: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Tell whether the playbook would, or might, change anything."""
        return bool(self.changed or self.unknown or self.saved_first)

    def __str__(self) -> str:
        """The prediction in words, a line for each image."""
        words = [f"{self.changed} tasks would change something"]
        if self.unknown:
            words.append(f"cannot be predicted: {', '.join(self.unknown)}")
        lines = ["; ".join(words), *(f"  ~ {image}" for image in self.images)]
        if self.saved_first:
            lines.append(
                f"  ! a verified backup is taken first, with NocoDB stopped: {', '.join(self.saved_first)}"
            )
        return "\n".join(lines)


def read_prediction(result: Result) -> Prediction:
    """Read the output of a playbook's run in check mode with differences.

    Raises:
        PipelineError: the run failed, or ran on no host.
    """
    unknown, images = [], []
    for event in events(result.check().stdout):
        for answer in event.get("hosts", {}).values():
            if event.get("_event") == "v2_runner_on_skipped" and "check mode" in str(answer.get("msg", "")):
                unknown.append(str(event["task"]["name"]))
            images += [words for each in _differences(answer) for words in _images(each)]
    changed, hosts = count_changed(result), changed_tasks(result.stdout)
    return Prediction(changed, tuple(dict.fromkeys(unknown)), tuple(images), hosts=hosts)


def _differences(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    differences = answer.get("diff") or []
    for each in differences if isinstance(differences, list) else [differences]:
        if str(each.get("before_header", "")).endswith(STACK_FILE):
            yield each


def _images(difference: dict[str, Any]) -> Iterator[str]:
    before, after = (images_of(difference.get(key)) for key in ("before", "after"))
    for service in sorted(before.keys() | after.keys()):
        old, new = before.get(service, "none"), after.get(service, "none")
        if before and old != new:
            yield f"{service}: {old} → {new}"


def images_of(text: object) -> dict[str, str]:
    """Return the image of every service; empty if there is no stack file, or if it cannot be read."""
    try:
        services: dict[str, dict[str, str]] = yaml.safe_load(str(text or "{}"))["services"]
        return {name: each["image"] for name, each in services.items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}
