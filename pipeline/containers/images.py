"""The images that are pulled when the steps run in containers; each has an option that names another."""

from pipeline.tofu.binary import VERSION

TOOLBOX = "python:3.11-slim"
"""The oldest Python that pyproject.toml allows: Dagger runs the module in this image too."""

TOFU = f"ghcr.io/opentofu/opentofu:{VERSION}-minimal"
"""OpenTofu's official image to copy from; it holds nothing but /usr/local/bin/tofu."""
