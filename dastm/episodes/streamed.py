"""Clips from tars that can only be read from front to back: any URL that webdataset opens.

In: a URL or folder (http:, pipe:, file:, a path, ...) and which clips. Out: `ClipBatch`es on the CPU. Needs
manifest.json and the tars named in it, no index; memory is that of one episode.

Cost: each class of an episode is read from its first clip up to the last one that the plan wants; position i of a class
is its i-th clip in shard order. The other sources are faster wherever a local copy fits.
"""

import re
import tarfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from dastm.contract.documents import MOST_JSON, cut
from dastm.contract.progress import waiting
from dastm.contract.shard_format import FACTS_SUFFIX, JOINTS_SUFFIX, MANIFEST_NAME, Manifest, ShardError, decode_clip
from dastm.contract.shard_reading import MOST_ARRAY, MOST_FACTS, check_manifest
from dastm.episodes.collate import Selection, check_selections, collate
from dastm.episodes.episode import ClipBatch
from dastm.episodes.manifest import check_clip, one_line, pool_sizes
from dastm.episodes.urls import is_url

SLOT = "{}"
BLOCK = tarfile.BLOCKSIZE
_FAILED = re.compile(r"""\(\(\[?["']([^"' ]+).*: (exit -?\d+) \(read\).*""", re.DOTALL)
"""webdataset's text for a command that failed: Python's values, of which the first is the command."""

SLOW = {
    "gs": "; gsutil fetches it, and tries for minutes if it has no credentials (gcloud auth login) or no network",
    **dict.fromkeys(("http", "https"), "; curl fetches it, and tries for minutes if the server does not answer"),
}
"""Scheme -> what its program does for so long."""


class StreamedShards:
    """A shard folder behind a URL. `{}` in the URL stands for the file's name; without it the name goes to the end.

    So `http://host/shards`, `pipe:ssh host cat /data/shards` and `pipe:aws s3 cp s3://bucket/shards/{} -` all work.
    A pipe: URL is a shell command: take none from others. Any number of threads may read at once.
    Raises: ShardError naming the URL if the manifest cannot be read.
    """

    def __init__(self, url: str) -> None:
        # An absolute path can never be mistaken for a URL with a scheme.
        self.url = url if is_url(url) else str(Path(url).absolute())
        where = self._url_of(MANIFEST_NAME)
        with waiting(where, _hint(where)), _opened(where) as stream:
            document = stream.read(MOST_JSON + 1)
        if len(document) > MOST_JSON:
            raise ShardError(f"{where}: more than the {MOST_JSON} bytes that a manifest may have")
        self.manifest: Manifest = check_manifest(document, where)

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """Class id -> number of clips; RunError for an unknown subset."""
        return pool_sizes(self.manifest, subset, self.url)

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """One batch of clips for each selection, in the order asked for; each class among all of them is read once.

        Raises: ShardError naming the URL (and the clip) if a stream fails, ends early or holds anything else than was
        written; ValueError for a class or a clip that the subset does not have.
        """
        check_selections(selections, self.pool_sizes(subset), f"{self.url}: {subset}")
        found = self._found(subset, [clip for clips in selections for clip in clips])
        return [collate([found[clip] for clip in clips]) for clips in selections]

    def close(self) -> None:
        """Nothing to do: each reading closes its own streams."""

    def _found(self, subset: str, clips: Selection) -> dict[tuple[int, int], NDArray[np.float32]]:
        wanted: dict[int, set[int]] = {}
        for class_id, i in clips:
            wanted.setdefault(class_id, set()).add(i)
        return {
            (class_id, i): joints
            for class_id, positions in wanted.items()
            for i, joints in self._pick(subset, class_id, positions)
        }

    def _pick(self, subset: str, class_id: int, wanted: set[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        entry, last, position = self.manifest.subsets[subset][class_id], max(wanted), 0
        for shard in entry.shards:
            url = self._url_of(shard)
            with closing(_samples(url)) as samples:
                for sample in samples:
                    if position in wanted:
                        yield position, self._decode(sample, url)
                    if position == last:
                        return
                    position += 1
        raise ShardError(f"{self.url}: class {class_id} of {subset} ends after {position} clips, not {entry.clips}")

    def _decode(self, sample: dict[str, Any], url: str) -> NDArray[np.float32]:
        where = f"{url}: {sample['__key__']}"
        missing = {JOINTS_SUFFIX, FACTS_SUFFIX} - sample.keys()
        if missing:
            raise ShardError(f"{where}: no {min(missing)}")
        clip = decode_clip(sample[JOINTS_SUFFIX], sample[FACTS_SUFFIX], where)
        if clip.key != sample["__key__"]:
            raise ShardError(f"{where}: holds the clip {clip.key}")
        check_clip(clip.joints_MTVC, self.manifest, where)
        return clip.joints_MTVC

    def _url_of(self, name: str) -> str:
        return (
            self.url.replace(SLOT, name) if is_url(self.url) and SLOT in self.url else f"{self.url.rstrip('/')}/{name}"
        )


class _Blocks:
    """Hands a tar out block by block, so that `last` is where its reader stopped.

    tarfile takes a missing end and a damaged header in the middle for the end of the archive; both would silently move
    every later clip of the class to another position. Only a block of zeros is an end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.last = stream, b""

    def read(self, _size: int) -> bytes:
        self.last = self._stream.read(BLOCK)
        return self.last

    def __str__(self) -> str:
        return "this stream"


def _samples(url: str) -> Generator[dict[str, Any], None, None]:
    """webdataset's samples of one tar, in order; the stream is closed when this generator is."""
    from webdataset.tariterators import group_by_keys

    with _opened(url) as stream:
        yield from group_by_keys(_members(_Blocks(stream), url))


def _members(blocks: _Blocks, url: str) -> Iterator[dict[str, Any]]:
    with tarfile.open(fileobj=blocks, mode="r|") as tar:  # type: ignore[call-overload]  # it reads, and no more is asked
        for member in tar:
            tar.members = []  # else it keeps them all
            most = MOST_ARRAY if member.name.endswith(f".{JOINTS_SUFFIX}") else MOST_FACTS
            if not member.isreg() or member.issparse() or member.size > most:
                raise ShardError(f"{url}: {cut(member.name)}: no file of a clip ({member.size} bytes)")
            opened: Any = tar.extractfile(member)
            yield {"fname": member.name, "data": opened.read(), "__url__": url}
    if blocks.last != bytes(BLOCK):
        raise ShardError(f"{url}: the tar is cut short or damaged; run `dastm-data split` or copy it again")


def _hint(url: str) -> str:
    """Why a URL may not answer."""
    return next((hint for scheme, hint in SLOW.items() if url.startswith(f"{scheme}:")), "")


def _local(url: str) -> Path | None:
    """The path on this machine that webdataset would open; None: it would open none."""
    if not is_url(url):
        return Path(url)
    return Path(urlsplit(url).path) if url.startswith("file:") else None


@contextmanager
def _opened(url: str) -> Iterator[IO[bytes]]:
    from webdataset.gopen import gopen, set_options

    path = _local(url)
    if path is not None and path.exists() and not path.is_file():
        raise ShardError(f"{path}: no regular file")  # which might never end, or never begin
    try:
        stream = gopen(url)
    except (OSError, ValueError, ImportError) as error:
        raise ShardError(f"{url}: cannot be opened ({one_line(error)})") from error
    try:
        yield stream
        stream.close()  # here a command that failed says so
    except (OSError, ValueError, EOFError, tarfile.TarError) as error:
        raise ShardError(f"{url}: cannot be read ({_reason(error)})") from error
    finally:
        # Reached with the stream still open only if we stopped early or failed already: then the command behind a pipe
        # dies of our closing it, and its exit status says nothing.
        set_options(stream, ignore_errors=True)
        stream.close()


def _reason(error: Exception) -> str:
    """The error in one line."""
    failed = _FAILED.fullmatch(one_line(error))
    return f"{failed[1]}: {failed[2]}" if failed else one_line(error)
