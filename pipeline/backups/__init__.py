"""The backups: those in the bucket, and what takes, verifies and restores them."""
