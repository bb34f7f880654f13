"""The places that can keep the states: this machine, S3, GitLab."""
