"""This machine: its network, its disks, its temporary files, the checkout."""
