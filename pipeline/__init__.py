"""Deploys NocoDB and PostgreSQL in order, and proves by a restore that the data would come back."""
