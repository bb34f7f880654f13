"""The commands: `python -I -X utf8 …/quickdata_node backup-pg.sh --config FILE`."""

import sys
from pathlib import Path

# Python puts this folder first in its path. The parent folder takes that place, so that no module here hides
# one of Python's own.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from quickdata_node import age, backup, restore  # noqa: E402 - the path comes first
from quickdata_node.physical import backup as physical_backup  # noqa: E402
from quickdata_node.physical import keys as recovery_keys  # noqa: E402
from quickdata_node.physical import recover_pg  # noqa: E402
from quickdata_node.run import run  # noqa: E402

COMMANDS = {
    "backup-pg.sh": backup.main,
    "restore-pg-latest.sh": restore.main,
    "check-backup-age.sh": age.main,
    "physical-backup.sh": physical_backup.main,
    "refresh-recovery-keys.sh": recovery_keys.main,
    "recover-pg.sh": recover_pg.main,
}

if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    sys.exit(run(program, COMMANDS[program], arguments))
