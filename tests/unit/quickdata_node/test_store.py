"""An upload in parts, to a bucket that is slow: nothing is done there before somebody waits for it."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from quickdata_node import parts, store
from quickdata_node.store import Store, StoreFailed, Upload


class Later(Future[Any]):
    """Work that begins when it is waited for: the slowest that a network can be."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        super().__init__()
        self.work, self.arguments = work, arguments

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.set_result(self.work(*self.arguments))
        return super().result(timeout)


class Bucket:
    """What S3 keeps of one upload."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.whole = b""

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"UploadId": "id"}

    def upload_part(self, PartNumber: int, Body: bytes, **_: Any) -> dict[str, str]:  # noqa: N803
        self.parts[PartNumber] = Body
        return {"ETag": str(PartNumber)}

    def complete_multipart_upload(self, MultipartUpload: Any, **_: Any) -> None:  # noqa: N803
        assert MultipartUpload["Parts"] == [{"PartNumber": n, "ETag": str(n)} for n in sorted(self.parts)]
        self.whole = b"".join(self.parts[number] for number in sorted(self.parts))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes where there are megabytes: 80 GB are 10 kB."""
    monkeypatch.setattr(parts, "SMALLEST", 1)
    monkeypatch.setattr(parts, "IN_MEMORY", 32)
    monkeypatch.setattr(store, "in_background", Later)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [1, 8_000, 8_001, 10_000, 20_000, 135_500])
def test_a_stream_of_unknown_size_goes_up_whole_and_takes_little_memory(size: int) -> None:
    bucket = Bucket()
    upload = Upload(bucket, {"Bucket": "b", "Key": "k"}, parts.first_size(0))
    data = bytes(number % 251 for number in range(size))
    for place in range(0, size, 7):
        upload.write(data[place : place + 7])
        held = sum(length for _, length in upload._on_their_way) + upload._part
        assert held <= max(32, upload._part)
    upload.complete()
    assert bucket.whole == data
    assert len(bucket.parts) <= 10_000


@pytest.mark.usefixtures("small")
def test_what_has_more_parts_than_s3_takes_is_never_completed() -> None:
    bucket = Bucket()
    upload = Upload(bucket, {"Bucket": "b", "Key": "k"}, 1)
    with pytest.raises(StoreFailed, match="k has more than 10000 parts, up to"):
        for _ in range(40):
            upload.write(bytes(4_000))
    assert bucket.whole == b""


def test_what_s3_cannot_hold_is_refused_before_it_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "make_client", lambda *_, **__: None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreFailed, match="k: 54975581388800 bytes are more than 8000 parts"):
        Store("b").upload("k", 50 << 40)
