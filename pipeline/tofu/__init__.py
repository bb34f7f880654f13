"""OpenTofu: what it is asked, and what it answers."""
