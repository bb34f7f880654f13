"""Ansible: its commands, its inventory, and how its output is read."""
