"""The bucket: its keys, its small objects, and large objects that are read and written in parts."""

import io
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader

from quickdata_node import parts
from quickdata_node.background import in_background

Loader.CUSTOMER_DATA_PATH = os.devnull  # not ~/.aws/models: the caller's files must not describe S3 to boto3
CHECKED = {"ChecksumAlgorithm": "CRC32"}
ATTEMPTS = 5
"""Attempts to read an answer that breaks off. botocore tries again only until an answer begins."""


class StoreFailed(Exception):  # noqa: N818 - callers say what it means
    """S3 refused, or did not answer."""


class Key(NamedTuple):
    """A key in a listing.

    Args:
        rest: the key without the prefix that was listed.
        written: when S3 stored it.
    """

    rest: str
    written: datetime


class Store:
    """A bucket.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._client = make_client(int(os.environ["AWS_MAX_ATTEMPTS"]), read_timeout=60)

    def list_keys(self, prefix: str) -> list[Key]:
        """Return every key below a prefix, without the prefix."""
        return list(_ask(list, self._pages(prefix)))

    def _pages(self, prefix: str) -> Iterator[Key]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield Key(item["Key"].removeprefix(prefix), item["LastModified"])

    def read(self, key: str) -> bytes:
        """Return the whole of a small object."""
        return b"".join(self.read_parts(key))

    def write(self, key: str, content: bytes, once: bool = False) -> None:
        """Write a small JSON object.

        Args:
            key: the object's key.
            content: the document.
            once: whether to fail if the object exists already.
        """
        condition = {"IfNoneMatch": "*"} if once else {}
        kind = "application/json"
        _ask(
            self._client.put_object, Bucket=self.bucket, Key=key, Body=content, ContentType=kind, **condition
        )

    def remove(self, key: str) -> None:
        """Remove an object; the bucket keeps its versions."""
        _ask(self._client.delete_object, Bucket=self.bucket, Key=key)

    def upload(self, key: str, expected: int) -> "Upload":
        """Begin an upload.

        Args:
            key: the object's key.
            expected: estimate of its bytes.

        Raises:
            StoreFailed: S3 does not accept an object of this size.
        """
        try:
            size = parts.first_size(expected)
        except parts.TooLarge as error:
            raise StoreFailed(f"{key}: {error}") from error
        return Upload(self._client, {"Bucket": self.bucket, "Key": key}, size)

    def read_parts(self, key: str) -> Iterator[bytes]:
        """Yield an object part by part, and read the next parts meanwhile."""
        first, size = self._read_range(key, 0)
        yield first
        coming: deque[Future[tuple[bytes, int]]] = deque()
        for start in range(parts.SMALLEST, size, parts.SMALLEST):
            coming.append(in_background(self._read_range, key, start))
            if len(coming) == parts.AT_ONCE:
                yield coming.popleft().result()[0]
        while coming:
            yield coming.popleft().result()[0]

    def _read_range(self, key: str, start: int) -> tuple[bytes, int]:
        """Return a part and the object's size."""
        wanted = f"bytes={start}-{start + parts.SMALLEST - 1}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = _ask(self._client.get_object, Bucket=self.bucket, Key=key, Range=wanted)
                size = answer.get("ContentRange", "/0").rpartition("/")[2]
                return answer["Body"].read(), int(size)
            except BotoCoreError as error:  # the answer broke off
                if attempt == ATTEMPTS:
                    raise StoreFailed(str(error)) from error
            except StoreFailed as error:
                if start or not _is_empty(error):
                    raise
                break
        return b"", 0


class Upload:
    """An upload. The object exists only after `complete`; without this call nothing is published.

    Args:
        client: boto3's client.
        place: bucket and key.
        first: bytes of the first parts.

    Attributes:
        size: bytes so far.
        sha256: SHA-256 of these bytes.
    """

    def __init__(self, client: Any, place: dict[str, str], first: int) -> None:
        self._client, self._place, self._first = client, place, first
        self._buffer = io.BytesIO()  # getvalue() does not copy
        self._parts: list[Future[dict[str, Any]]] = []
        self._on_their_way: deque[tuple[Future[dict[str, Any]], int]] = deque()
        self._id, self._given_up = "", False
        self.size, self.sha256 = 0, sha256()

    def write(self, data: bytes) -> None:
        """Add bytes to the object; wait while enough parts are being sent."""
        self.sha256.update(data)
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            room = self._part - self._buffer.tell()
            self._buffer.write(rest[:room])
            rest = rest[room:]
            if self._buffer.tell() == self._part:
                self._send_part()

    def complete(self) -> None:
        """Publish the object. The caller knows that all its content is good."""
        if not self._id:
            _ask(self._client.put_object, **self._place, Body=self._buffer.getvalue())
            return
        if self._buffer.tell():
            self._send_part()
        sent = {"Parts": [part.result() for part in self._parts]}
        _ask(self._client.complete_multipart_upload, **self._place, UploadId=self._id, MultipartUpload=sent)
        self._id = ""

    def abort(self) -> None:
        """Give up the upload. The bucket's lifecycle removes the parts that S3 still keeps."""
        self._given_up = True
        if self._id:
            with suppress(StoreFailed):
                client = make_client(attempts=1, read_timeout=10)
                _ask(client.abort_multipart_upload, **self._place, UploadId=self._id)

    def _send_part(self) -> None:
        """Send the buffer as a part, while earlier parts are still being sent."""
        if self._given_up:
            raise StoreFailed(f"the upload of {self._place['Key']} was given up")
        if len(self._parts) == parts.MOST:
            raise StoreFailed(
                f"{self._place['Key']} has more than {parts.MOST} parts, up to {self._part} bytes"
            )
        if not self._id:
            self._id = _ask(self._client.create_multipart_upload, **self._place, **CHECKED)["UploadId"]
        body, self._buffer = self._buffer.getvalue(), io.BytesIO()
        part = in_background(self._send, len(self._parts) + 1, body)
        self._parts.append(part)
        self._on_their_way.append((part, len(body)))
        self._make_room()

    def _make_room(self) -> None:
        """Wait until the next part can be filled; raise the error of an earlier part."""
        while self._on_their_way:
            part, _ = self._on_their_way[0]
            if not part.done() and parts.has_room([size for _, size in self._on_their_way], self._part):
                return
            part.result()
            self._on_their_way.popleft()

    @property
    def _part(self) -> int:
        """The size of the part in the buffer when it is full, in bytes."""
        return parts.next_size(self._first, len(self._parts))

    def _send(self, number: int, body: bytes) -> dict[str, Any]:
        place = {**self._place, "UploadId": self._id, "PartNumber": number}
        answer = _ask(self._client.upload_part, **place, Body=body, **CHECKED)
        known = {name: answer[name] for name in ("ETag", "ChecksumCRC32") if name in answer}
        return {"PartNumber": number, **known}


def _ask(call: Callable[..., Any], *arguments: Any, **words: Any) -> Any:
    try:
        return call(*arguments, **words)
    except (BotoCoreError, ClientError) as error:
        raise StoreFailed(str(error)) from error


def _is_empty(error: StoreFailed) -> bool:
    """Return whether the error means an empty object: S3 has no first byte to send."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "InvalidRange"


def make_client(attempts: int, read_timeout: int) -> Any:
    """Return a client. Keys, region and endpoint come from the environment, where `load` put them."""
    retries: dict[str, Any] = {"mode": os.environ["AWS_RETRY_MODE"], "total_max_attempts": attempts}
    # The manifest's SHA-256 shows damage. With S3's checksums, botocore would report a damaged object like
    # one that cannot be downloaded.
    return _ask(
        boto3.client,
        "s3",
        config=ClientConfig(
            connect_timeout=10,
            read_timeout=read_timeout,
            retries=retries,  # type: ignore[arg-type]
            response_checksum_validation="when_required",
        ),
    )
