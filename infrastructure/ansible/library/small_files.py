"""An Ansible module: directories and small files on a node, all in one call."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: small_files
short_description: Makes directories and writes small files, all in one call
description:
  - Each call of a module takes about half a second on a node, so many files in one call save seconds.
  - Directories come first, in the order of the list. The files follow, each replaced in one step.
  - Directories above them are made if they are missing.
  - It has check mode and shows differences, as ansible.builtin.file and ansible.builtin.copy do.
options:
  directories:
    description: The directories, each with its path and mode.
    type: list
    elements: dict
    default: []
  files:
    description: The files, each with its path, mode and content.
    type: list
    elements: dict
    default: []
"""

RETURN = """
paths:
  description: The paths that were changed.
  returned: always
  type: list
  elements: str
"""

PLACE = {"path": {"type": "path", "required": True}, "mode": {"type": "str", "required": True}}
ARGUMENTS = {
    "directories": {"type": "list", "elements": "dict", "default": [], "options": PLACE},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {**PLACE, "content": {"type": "str", "required": True}},
    },
}


@dataclass(frozen=True)
class Place:
    """A directory or a file, as it has to be.

    Args:
        path: its path.
        mode: its permissions.
        content: the file's content; None for a directory.
    """

    path: Path
    mode: int
    content: bytes | None = None

    @property
    def before(self) -> bytes | None:
        """The content of the file that is there; None without a file."""
        return self.path.read_bytes() if self.path.is_file() and not self.path.is_symlink() else None

    @property
    def is_right(self) -> bool:
        """Whether nothing has to change."""
        there = self.path.is_dir() if self.content is None else self.before == self.content
        return there and self.path.stat().st_mode & 0o7777 == self.mode

    def make(self) -> None:
        """Make the directory, or write the file.

        Raises:
            OSError: another kind of file is there, or the node refuses.
        """
        if self.content is None:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(self.mode)
        else:
            self._replace(self.content)

    def _replace(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                os.fchmod(number, self.mode)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink()
            raise


def places(params: dict[str, Any]) -> list[Place]:
    """Return the directories and the files of the module's arguments.

    Raises:
        ValueError: a mode is not an octal number.
    """
    return [
        Place(
            Path(each["path"]), int(each["mode"], 8), each["content"].encode() if "content" in each else None
        )
        for each in (*params["directories"], *params["files"])
    ]


def difference(place: Place) -> dict[str, str]:
    """Return what Ansible shows with --diff."""
    before = (place.before or b"").decode(errors="replace")
    after = (place.content or b"").decode(errors="replace")
    return {
        "before_header": str(place.path),
        "after_header": str(place.path),
        "before": before,
        "after": after,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    changed: list[Place] = []
    shown: list[dict[str, str]] = []
    place = None
    try:
        for place in places(module.params):
            if place.is_right:
                continue
            changed.append(place)
            shown.append(difference(place))
            if not module.check_mode:
                place.make()
    except (OSError, ValueError) as error:
        where = place.path if place else "mode"
        module.fail_json(msg=f"{where}: {error}", paths=[str(each.path) for each in changed])
    module.exit_json(
        changed=bool(changed),
        paths=[str(each.path) for each in changed],
        **({"diff": shown} if module._diff else {}),
    )


if __name__ == "__main__":
    main()
