"""What is written where an encoding lacks a character."""

import pytest

from pipeline.machine.encoding import HANDLER, spell_plainly


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_marks_are_spelled_in_ascii_and_nothing_is_lost(encoding: str) -> None:
    said = "✓ a → b … ✗ c ■ 中\udcff".encode(encoding, HANDLER)
    assert said == rb"ok a -> b ... x c # \u4e2d\udcff"


def test_an_encoding_that_has_them_writes_them() -> None:
    assert "✓ é".encode("utf-8", HANDLER) == "✓ é".encode()
    assert "é ✓".encode("iso-8859-1", HANDLER) == b"\xe9 ok"


def test_a_text_is_spelled_plainly_before_it_is_cut_to_a_width() -> None:
    assert spell_plainly("✓ 1 · 2…") == "ok 1 - 2..."
