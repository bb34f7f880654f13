"""The images for steps in containers. For each image, an option can name another one."""

from pipeline.tofu.binary import VERSION

TOOLBOX = "python:3.11-slim"
"""The oldest Python that pyproject.toml allows. Dagger runs the module in this image too."""

TOFU = f"ghcr.io/opentofu/opentofu:{VERSION}-minimal"
"""OpenTofu's official image to copy from; it contains only /usr/local/bin/tofu."""
