"""Checks one shard for the audit: members, facts and arrays against manifest and index.

In: the bytes of a tar, and what manifest and index say of it. Out: problems, one line each, and counts.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

from pipeline.audit.promise import ClassPromise, Found, Promise, Row, digest_bytes, each_once, reason_of

LARGEST = 100.0
"""Largest distance of a joint from the origin, in metres, torso lengths or fractions of an image."""
MOST_CONFIDENT = 2.0
SCRAMBLED = b'"frames scrambled, as the authors\' released code leaves them"'
"""The note, as facts hold it, on a clip whose frames and coordinates are mixed up: they are put back first."""
BLOCK = 512


def check_shard(
    shard: str, of: ClassPromise, data: bytes, rows: dict[str, Row], promise: Promise, found: Found
) -> None:
    members, problems = read_members(data)
    found.problems += [f"{shard}: {problem}" for problem in problems]
    names = [name for name, _ in members]
    keys = [name.removesuffix(".joints.npy") for name in names if name.endswith(".joints.npy")]
    if names != [name for key in keys for name in (f"{key}.joints.npy", f"{key}.json")]:
        found.problems.append(f"{shard}: members are not pairs of <key>.joints.npy and <key>.json")
    if any(first >= second for first, second in pairwise(keys)):
        found.problems.append(f"{shard}: keys are not in ascending order")
    found.problems += [f"{shard}: {key} is in the index, not in the tar" for key in sorted(set(rows) - set(keys))]
    offsets = dict(members)
    for key in dict.fromkeys(keys):
        if key in found.shard_of:
            found.problems.append(f"{shard}: {key} is also in {found.shard_of[key]}")
        found.shard_of[key] = shard
        found.clips[of.subset, of.class_id] += 1
        array, facts = (data[offsets.get(f"{key}.{suffix}", slice(0))] for suffix in ("joints.npy", "json"))
        row = rows.get(key)
        with np.errstate(invalid="ignore"):  # a NaN is a line of the report, not a warning
            problems = [
                *index_problems(row, array, data, of),
                *facts_problems(key, facts, array, of, promise),
                *array_problems(key, shard, array, facts, row, promise, found),
            ]
        found.problems += [f"{shard}: {key}: {problem}" for problem in problems]


def read_members(data: bytes) -> tuple[list[tuple[str, slice]], list[str]]:
    """Where the members of a tar lie, as far as it can be read, and what is wrong with it as a tar."""
    members: list[tuple[str, slice]] = []
    problems: list[str] = []
    end = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                start, end = member.offset_data, member.offset_data + member.size
                if not member.isreg() or member.issparse() or not 0 <= start <= end <= len(data):
                    raise tarfile.ReadError(f"{member.name}: not a file, or cut short")
                member.name = member.name.encode("utf-8", "backslashreplace").decode()  # damage may leave other bytes
                members.append((member.name, slice(start, end)))
                about = (member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode)
                if about != (0, 0, 0, "", "", 0o644):
                    problems.append(f"{member.name}: header holds a time, an owner or a mode: {about}")
                if data[start - BLOCK + 148 : start - BLOCK + 156] != b"%06o\0 " % member.chksum:
                    problems.append(f"{member.name}: the header's own checksum is not as written")
                if any(data[end : end + -end % BLOCK]):
                    problems.append(f"{member.name}: bytes after its end")
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, MemoryError) as error:
        return members, [*problems, f"damaged tar ({reason_of(error)})"]
    tail = data[end + -end % BLOCK :]
    if any(tail) or len(tail) < 2 * BLOCK or len(data) % BLOCK:
        problems.append("damaged tar (no proper end)")
    return members, problems


def index_problems(row: Row | None, array: bytes, data: bytes, of: ClassPromise) -> Iterator[str]:
    if row is None:
        yield "not in the index"
        return
    if (row["part"], row["class_id"]) != (of.subset, of.class_id):
        yield f"the index has it in class {row['class_id']} of {row['part']}"
    if row["offset"] < 0 or data[row["offset"] : row["offset"] + row["length"]] != array:
        yield "the index's offset and length are not those of its array"
    if row["checksum"] != digest_bytes(array):
        yield "checksum differs from the index"


def facts_problems(key: str, facts: bytes, array: bytes, of: ClassPromise, promise: Promise) -> Iterator[str]:
    try:
        document = json.loads(facts, object_pairs_hook=each_once)
        claimed = {name: document[name] for name in ("key", "part", "class_id", "class_name", "checksum", "dataset")}
        frame_index, source_frames = [int(t) for t in document["frame_index"]], int(document["source_frames"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        yield f"facts are not the JSON of a clip ({reason_of(error)})"
        return
    claimed_checksum = document.pop("facts_checksum", None)
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if claimed_checksum != digest_bytes(text.encode(errors="surrogatepass")):
        yield "checksum of the facts differs"
    own: Row = {"key": key, "part": of.subset, "class_id": of.class_id, "class_name": of.name}
    own |= {"checksum": digest_bytes(array), "dataset": promise.dataset}
    for name in own:
        if claimed[name] != own[name]:
            yield f"facts say {name} {claimed[name]!r}, it is {own[name]!r}"
    if len(frame_index) != promise.frames:
        yield f"facts name {len(frame_index)} source frames, not {promise.frames}"
    elif frame_index != sorted(frame_index) or not all(0 <= t < source_frames for t in frame_index):
        yield f"facts name source frames that are out of order or outside 0 .. {source_frames - 1}"


def array_problems(
    key: str, shard: str, array: bytes, facts: bytes, row: Row | None, promise: Promise, found: Found
) -> Iterator[str]:
    try:
        joints_MTVC = np.lib.format.read_array(io.BytesIO(array), allow_pickle=False)
        shape = (len(joints_MTVC), promise.frames, promise.n_joints, len(promise.coordinates))
    except (ValueError, EOFError, SyntaxError, MemoryError, TypeError, TokenError) as error:
        yield f"not a numpy array ({' '.join(str(error).split())})"
        return
    if joints_MTVC.dtype != np.float32 or joints_MTVC.shape != shape or 0 in shape:
        yield f"{joints_MTVC.dtype} {joints_MTVC.shape}, expected float32 (bodies, {', '.join(map(str, shape[1:]))})"
        return
    n_bodies = shape[0]
    found.bodies[n_bodies] += 1
    if n_bodies > promise.most_bodies:
        yield f"{n_bodies} bodies, the definition keeps {promise.most_bodies}"
    if row is not None and (row["bodies"], row["frames"]) != shape[:2]:
        yield f"the index says {row['bodies']} bodies x {row['frames']} frames, it has {shape[0]} x {shape[1]}"
    if SCRAMBLED in facts:
        joints_MTVC = put_back(joints_MTVC)
    yield from value_problems(joints_MTVC, promise, found)
    found.warnings += [f"{shard}: {key}: {warning}" for warning in found.people.see(joints_MTVC)]


def put_back(joints_MTVC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put frames and coordinates that are mixed up back in their places.

    Coordinate k of frame f lies at number f C + k, counted coordinate after coordinate and frame after frame.
    """
    n_coordinates = joints_MTVC.shape[3]
    numbers = np.concatenate([joints_MTVC[..., c] for c in range(n_coordinates)], axis=1)
    return np.stack([numbers[:, k::n_coordinates] for k in range(n_coordinates)], axis=-1)


def value_problems(joints_MTVC: NDArray[np.float32], promise: Promise, found: Found) -> Iterator[str]:
    coordinates = promise.coordinates
    n_wrong = int((~np.isfinite(joints_MTVC)).sum())
    if n_wrong:
        yield f"{n_wrong} values are NaN or infinite"
    n_places = len(coordinates) - (coordinates[-1] == "confidence")
    for body, body_TVC in enumerate(joints_MTVC):
        is_slot = promise.keep_slots and body + 1 < len(joints_MTVC)
        if not body_TVC[..., :n_places].any() and not is_slot:
            yield f"body {body} is all zero"
    for c, name in enumerate(coordinates):
        values = joints_MTVC[..., c][np.isfinite(joints_MTVC[..., c])]
        if not len(values):
            continue
        low, high = float(values.min()), float(values.max())
        least, most = (0.0, MOST_CONFIDENT) if name == "confidence" else (-LARGEST, LARGEST)
        if low < least or high > most:
            yield f"{name} from {low:g} to {high:g}, expected {least:g} to {most:g}"
        so_far = found.range.setdefault(name, [low, high])
        found.range[name] = [min(so_far[0], low), max(so_far[1], high)]
