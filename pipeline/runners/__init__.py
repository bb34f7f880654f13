"""The runners that execute steps: as processes on this machine, or in containers."""
