"""Who executes steps: processes of this machine, or containers."""
