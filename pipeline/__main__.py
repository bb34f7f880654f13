"""Where `quickdata` starts: a Ctrl-C while the verbs are still being imported ends like any other."""

import sys

INTERRUPTED = 130


def run() -> None:
    """Import the command line, which takes a moment, and run it."""
    try:
        from pipeline.cli import start  # noqa: PLC0415 - so that an interrupt of it is caught
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    start()


if __name__ == "__main__":
    run()
