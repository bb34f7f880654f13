"""Where the states can be kept: on this machine, in S3, in GitLab."""
