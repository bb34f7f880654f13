"""Data on its way: from a program through the compressor into an upload, and from S3 into a program."""

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
"""Of zstd: 3 takes half as long again for the same size."""
THREADS = min(4, os.cpu_count() or 1)
"""Of zstd: each has megabytes of its own, and more than these are faster than any network."""
BLOCK = 1 << 17
"""What goes through a compressor at once: of more, the threads of zstd would hold back most."""
Child = subprocess.Popen[bytes]
Programs = Sequence[Callable[[], Child]]
"""What starts the programs whose output is an object, one after the other."""
AGAIN = "the lines above say why; then run it again"
DAMAGED = "restore an older backup with --id, or bring back the object's earlier version"


class Content(NamedTuple):
    """An object of a backup, and what writes it.

    Args:
        what: its name in the manifest.
        file: its file.
        programs: start the programs whose output it is.
        expected: its bytes, more or less.
        tolerated: exit codes of theirs that are no failure.
        witness: starts what reads it again on its way.
    """

    what: str
    file: str
    programs: Programs
    expected: int
    tolerated: tuple[int, ...] = (0,)
    witness: Callable[[], Witness[Any] | Nobody] = Nobody


class Feed:
    """What feeds an upload, in a thread of its own. It completes nothing: that takes an order of its own.

    Args:
        content: what goes up.
        upload: where it goes.
    """

    said: Any = None
    """What the witness has said."""

    def __init__(self, content: Content, upload: Upload) -> None:
        self.content, self._upload = content, upload
        self._fed: Future[None] = in_background(self._feed)

    def wait(self) -> None:
        """Return when all of the object is known to have been produced, and not before."""
        try:
            self._fed.result()
        except StoreFailed as error:
            raise self._not_uploaded() from error
        except ServerFailed as error:
            raise Failed(f"the {self.content.what} ended badly, nothing was published", AGAIN) from error

    def complete(self) -> None:
        """Let the object exist in the bucket."""
        try:
            self._upload.complete()
        except StoreFailed as error:
            raise self._not_uploaded() from error

    def describe(self, prefix: str) -> StoredObject:
        """Return what the manifest says of the object, whose key begins with that."""
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
            with child.stdout:  # a program that nobody reads any more gets a broken pipe
                while block := child.stdout.read(BLOCK):
                    self._upload.write(compressor.compress(block))
                    witness.write(block)
            if child.wait() not in self.content.tolerated:
                raise ServerFailed(
                    f"what writes the {self.content.what} ended with exit code {child.returncode}"
                )
        self._upload.write(compressor.flush())


# --- from S3 ---


class Source:
    """An object that comes from S3, as a file that is read. The SHA-256 is taken over all of it.

    Args:
        parts: it, part by part.
        seen: what its parts were known by when it was read before.

    Attributes:
        known: what its parts are known by: the SHA-256 up to the end of each.
    """

    def __init__(self, parts: Iterator[bytes], seen: Sequence[bytes] = ()) -> None:
        self._parts, self._rest, self._seen = parts, memoryview(b""), seen
        self.sha256, self.known = sha256(), list[bytes]()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, some as long as there are any."""
        if not self._rest:
            self._rest = memoryview(self._next())
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    def drain(self) -> None:
        """Read what nobody has read."""
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
    """Send the content of an object somewhere; returns what its parts are known by.

    Whatever becomes of it there, all of the object is read: what is damaged must not be called anything else.

    Args:
        store: the bucket.
        what: the object's name in the manifest.
        name: the backup's.
        stored: what the manifest says of it.
        sink: opens where it goes.
        seen: what its parts were known by when it was read before: then the sink takes as much as it needs.
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
    """Unpack an object into a sink; returns what went wrong there."""
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
    """Yield what is in a compressed file, in blocks of a limited size however well it was compressed."""
    if codec == "gzip":
        reader: IO[bytes] = gzip.GzipFile(fileobj=source)  # type: ignore[arg-type, assignment]
    else:
        decompressor = zstandard.ZstdDecompressor()
        reader = decompressor.stream_reader(source, read_across_frames=True, closefd=False)  # type: ignore[arg-type]
    while block := reader.read(BLOCK):
        yield block
