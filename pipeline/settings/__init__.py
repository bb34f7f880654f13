"""The inputs of a deployment, and their validation."""
