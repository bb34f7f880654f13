"""Waiting: asked again until yes, and no longer than its limit."""

import anyio
import pytest

from pipeline.machine import waiting
from pipeline.machine.waiting import until


async def test_it_asks_until_the_answer_is_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0)
    answers = iter([False, False, True])

    async def ready() -> bool:
        return next(answers)

    assert await until(ready, 60)
    assert list(answers) == []


@pytest.mark.parametrize("hangs", [False, True])
async def test_it_gives_up_at_its_limit_even_in_the_middle_of_a_question(hangs: bool) -> None:
    async def never() -> bool:
        if hangs:
            await anyio.sleep_forever()
        return False

    with anyio.fail_after(30):
        assert not await until(never, 0.01)


async def test_an_error_of_the_question_is_not_a_no() -> None:
    async def broken() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        await until(broken, 60)
