"""OpenTofu and Terraform: their commands, and how their output is read."""
