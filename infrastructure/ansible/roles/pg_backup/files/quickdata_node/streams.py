"""The streams of a backup and of a restore: from programs into an upload, and from S3 into a program."""

import gzip
import os
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from hashlib import sha256
from typing import IO, Any, NamedTuple

import zstandard

from quickdata_node.background import in_background
from quickdata_node.manifest import StoredObject
from quickdata_node.run import Failed
from quickdata_node.server import ServerFailed
from quickdata_node.sinks import Enough, Sink
from quickdata_node.store import Store, StoreFailed, Upload
from quickdata_node.witness import Nobody, Witness

LEVEL = 1
"""zstd's level: level 3 takes half as long again for the same size."""
THREADS = min(4, os.cpu_count() or 1)
"""zstd's threads: each needs megabytes of memory, and four are faster than any network."""
BLOCK = 1 << 17
"""Bytes to compress at once: zstd's threads would hold back most of a larger block."""
Child = subprocess.Popen[bytes]
Programs = Sequence[Callable[[], Child]]
"""Functions that start the programs of an object. The programs run one after the other."""
AGAIN = "the lines above say why; then run it again"
DAMAGED = "restore an older backup with --id, or bring back the object's earlier version"


class Content(NamedTuple):
    """An object of a backup, and the programs that write it.

    Args:
        what: its name in the manifest.
        file: its file name.
        programs: functions that start the programs; their output is the object's content.
        expected: estimate of its bytes.
        tolerated: exit codes of these programs that are no failure.
        witness: function that starts the program which reads the content on its way.
    """

    what: str
    file: str
    programs: Programs
    expected: int
    tolerated: tuple[int, ...] = (0,)
    witness: Callable[[], Witness[Any] | Nobody] = Nobody


class Feed:
    """Feeds an upload, in a thread of its own. It completes the upload only when `complete` is called.

    Args:
        content: the object, and the programs that write it.
        upload: the upload.
    """

    said: Any = None
    """The result of the witness."""

    def __init__(self, content: Content, upload: Upload) -> None:
        self.content, self._upload = content, upload
        self._fed: Future[None] = in_background(self._feed)

    def wait(self) -> None:
        """Return when all programs have ended well, and not before."""
        try:
            self._fed.result()
        except StoreFailed as error:
            raise self._not_uploaded() from error
        except ServerFailed as error:
            raise Failed(f"the {self.content.what} ended badly, nothing was published", AGAIN) from error

    def complete(self) -> None:
        """Publish the object in the bucket."""
        try:
            self._upload.complete()
        except StoreFailed as error:
            raise self._not_uploaded() from error

    def describe(self, prefix: str) -> StoredObject:
        """Return the manifest's description of the object.

        Args:
            prefix: beginning of its key, without the last slash.
        """
        key = f"{prefix}/{self.content.file}"
        return StoredObject(key, self._upload.size, self._upload.sha256.hexdigest(), "zstd")

    def _not_uploaded(self) -> Failed:
        return Failed(f"the upload of {self.content.file} failed, nothing was published", AGAIN)

    def _feed(self) -> None:
        witness = self.content.witness()
        try:
            self._send(witness)
        except BaseException:
            witness.dismiss()
            raise
        witness.close()
        self.said = witness.said

    def _send(self, witness: Witness[Any] | Nobody) -> None:
        compressor = zstandard.ZstdCompressor(level=LEVEL, threads=THREADS, write_checksum=True).compressobj()
        for program in self.content.programs:
            child = program()
            assert child.stdout
            with child.stdout:  # if the upload fails, the program gets a broken pipe
                while block := child.stdout.read(BLOCK):
                    self._upload.write(compressor.compress(block))
                    witness.write(block)
            if child.wait() not in self.content.tolerated:
                raise ServerFailed(
                    f"the program that writes the {self.content.what} ended with exit code {child.returncode}"
                )
        self._upload.write(compressor.flush())


# --- from S3 ---


class Source:
    """An object from S3, as a readable file. Its SHA-256 covers all bytes that were read.

    Args:
        parts: the object, part by part.
        seen: checksums of the parts from an earlier read; empty for none.

    Attributes:
        sha256: SHA-256 of the bytes so far.
        known: checksums of the parts: for each, the SHA-256 of the object up to its end.
    """

    def __init__(self, parts: Iterator[bytes], seen: Sequence[bytes] = ()) -> None:
        self._parts, self._rest, self._seen = parts, memoryview(b""), seen
        self.sha256, self.known = sha256(), list[bytes]()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; at least one, except at the end."""
        if not self._rest:
            self._rest = memoryview(self._next())
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    def drain(self) -> None:
        """Read the rest of the object."""
        while self._next():
            pass

    def _next(self) -> bytes:
        part = next(self._parts, b"")
        if part:
            self.sha256.update(part)
            self.known.append(self.sha256.digest())
            if self._seen and self.known[-1] not in self._seen:
                raise StoreFailed("it has changed since it was read before")
        return part


def fetch(
    store: Store,
    what: str,
    name: str,
    stored: StoredObject,
    sink: Callable[[], Sink],
    seen: Sequence[bytes] = (),
) -> Sequence[bytes]:
    """Send the content of an object into a sink; return the checksums of its parts.

    Without `seen`, the whole object is read even if the sink fails, so that damage is always reported.

    Args:
        store: the bucket.
        what: the object's name in the manifest.
        name: name of the backup.
        stored: the manifest's description of the object.
        sink: function that opens the sink.
        seen: checksums of its parts from an earlier read. With them, only the bytes that the sink needs are
            read.
    """
    source = Source(store.read_parts(stored.key), seen)
    try:
        went_badly = _pour(source, stored.codec, sink)
        if not seen:
            source.drain()
    except StoreFailed as error:
        fix = "check that it exists, the network, and the role of this machine"
        raise Failed(f"{stored.key} cannot be downloaded", fix) from error
    if not seen and source.sha256.hexdigest() != stored.sha256:
        raise Failed(f"{stored.key} is not what was uploaded, its SHA-256 differs", DAMAGED, 4)
    if went_badly:
        raise Failed(f"the {what} of {name} cannot be restored", "the lines above say why") from went_badly
    return source.known


def _pour(source: Source, codec: str, open_sink: Callable[[], Sink]) -> Exception | None:
    """Unpack an object into a sink; return the error, or None."""
    trouble: Exception | None = None
    try:
        sink = open_sink()
    except ServerFailed as error:
        return error
    try:
        for block in unpack(source, codec):
            sink.write(block)
    except Enough:
        pass
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        trouble = error
    try:
        sink.close()
    except (OSError, ServerFailed) as error:
        trouble = error
    return trouble


def unpack(source: "Source | IO[bytes]", codec: str) -> Iterator[bytes]:
    """Yield the content of a compressed file, in blocks of limited size, however well it was compressed."""
    if codec == "gzip":
        reader: IO[bytes] = gzip.GzipFile(fileobj=source)  # type: ignore[arg-type, assignment]
    else:
        decompressor = zstandard.ZstdDecompressor()
        reader = decompressor.stream_reader(source, read_across_frames=True, closefd=False)  # type: ignore[arg-type]
    while block := reader.read(BLOCK):
        yield block
