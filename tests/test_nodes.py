"""Nodes that are containers: what is wrong is found before any is made."""

from pathlib import Path

import pytest

from pipeline.errors import ToolError
from pipeline.rehearsal.nodes import nodes


async def test_a_name_that_is_too_long_for_sshs_sockets_is_told_before_anything_is_started() -> None:
    with pytest.raises(ToolError, match="too long a name") as caught:
        async with nodes(Path("/tmp", "x" * 60), {}):
            pass
    assert "TMPDIR=/tmp" in str(caught.value)
