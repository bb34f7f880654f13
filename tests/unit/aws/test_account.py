"""A bucket of somebody else: what is suggested instead."""

import pytest

from pipeline.aws.account import Cloud
from pipeline.errors import BucketTaken
from pipeline.settings.suffix import BASE_NAME, bucket_name, valid_suffix


class Crowded(Cloud):
    """An AWS in which every suffix that a test names belongs to somebody else."""

    def __init__(self, *taken: str, base_name: str = BASE_NAME) -> None:
        super().__init__({}, "eu-west-3", base_name=base_name)
        object.__setattr__(self, "taken", {bucket_name(suffix, base_name) for suffix in taken})

    async def account(self) -> str:
        return "123456789012"

    def _head(self, bucket: str, account: str) -> str:
        return "403" if bucket in vars(self)["taken"] else "404"


async def fix(*taken: str, base_name: str = BASE_NAME) -> str:
    with pytest.raises(BucketTaken) as caught:
        await Crowded(*taken, base_name=base_name).owns(bucket_name(taken[0], base_name))
    assert caught.value.exit_code == 3
    return caught.value.fix


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        (["ppr"], "ppr-2"),
        (["ppr", "ppr-2", "ppr-3"], "ppr-4"),
        (["2024"], "2024-2"),
        (["x" * 27], "x" * 25 + "-2"),
        (["x" * 24 + "-yy"], "x" * 24 + "-2"),
    ],
)
async def test_the_first_free_suffix_is_suggested_and_is_a_valid_one(taken: list[str], free: str) -> None:
    assert f"export TF_VAR_bucket_suffix={free}, which is free" in await fix(*taken)
    assert valid_suffix(free) == free


@pytest.mark.parametrize(
    ("length", "said"),
    [(59, "TF_VAR_bucket_suffix=p-2,"), (60, "choose another"), (61, "choose another")],
)
async def test_what_is_suggested_leaves_the_base_name_its_room(length: int, said: str) -> None:
    assert said in await fix("p", base_name="x" * length)


async def test_when_all_candidates_are_taken_none_is_suggested() -> None:
    said = await fix("ppr", *(f"ppr-{number}" for number in range(2, 30)))
    assert "choose another TF_VAR_bucket_suffix" in said
