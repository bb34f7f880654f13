"""Deploys NocoDB and PostgreSQL on AWS, and proves by a restore that the backups work."""
