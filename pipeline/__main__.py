"""Where `quickdata` starts: a Ctrl-C during the imports ends the command without a traceback."""

import sys

INTERRUPTED = 130


def run() -> None:
    """Import the command line, which takes a moment, and run it."""
    try:
        from pipeline.cli import start  # noqa: PLC0415 - an interrupt during the import is caught too
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    start()


if __name__ == "__main__":
    run()
