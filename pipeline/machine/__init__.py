"""This machine: its network, disks, temporary files, and the checkout."""
