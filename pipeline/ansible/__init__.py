"""Ansible: what it is asked, and what it answers."""
