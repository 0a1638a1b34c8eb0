"""The limits of a run on disk: the distances beyond which a clip is none of the classes (`model.matching.rejection`).

`dastm calibrate` writes them to train/limits.json in the run: the limits of every seed, the digests of the weights that
they belong to, the classes that they were measured on, a known movement of each of these (joints in base64, 32-bit
floats), and a digest of the file.

Axes: K known movements, L clips, M bodies, T frames, V joints, C coordinates.
"""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dastm.contract.documents import cut
from dastm.contract.errors import RunError
from dastm.contract.ownership import check_file, check_plain
from dastm.contract.shard_format import checksum
from dastm.episodes.episode import ClipBatch
from dastm.model.matching.rejection import Limits
from dastm.runs.encoders import LIMITS_NAME
from dastm.runs.files import read_json, write_json
from dastm.runs.run_folder import LIMITS
from dastm.runs.sealed import check_seal, sealed


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Movements that come with a network: one clip of each validation class, prepared, with one body."""

    joints_KTVC: NDArray[np.float32]
    class_ids: tuple[int, ...]
    """The class of each."""

    def clips(self) -> ClipBatch:
        """The movements as a batch of clips that the network can encode."""
        joints_LMTVC = torch.from_numpy(self.joints_KTVC)[:, None]
        return ClipBatch(joints_LMTVC=joints_LMTVC, present_LM=torch.ones(joints_LMTVC.shape[:2], dtype=torch.bool))

    def to_dict(self) -> dict[str, Any]:
        """The movements as plain values for JSON; `from_dict` reads them."""
        return {
            "shape": list(self.joints_KTVC.shape),
            "joints": base64.b64encode(self.joints_KTVC.astype("<f4").tobytes()).decode(),
            "class_ids": list(self.class_ids),
        }

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> "Known":
        """The movements from what `to_dict` returned. Raises: KeyError, TypeError or ValueError for anything else."""
        joints_N = np.frombuffer(base64.b64decode(told["joints"], validate=True), "<f4").astype(np.float32)
        joints_KTVC, class_ids = joints_N.reshape(told["shape"]), tuple(map(int, told["class_ids"]))
        if joints_KTVC.ndim != 4 or len(class_ids) != len(joints_KTVC) or not np.isfinite(joints_KTVC).all():
            raise ValueError(f"known movements of shape {joints_KTVC.shape} and {len(class_ids)} classes")
        return Known(joints_KTVC=joints_KTVC, class_ids=class_ids)


def limits_path(run: Path) -> Path:
    """The path of the limits of a run."""
    return run / "train" / LIMITS_NAME


def check_limits(path: Path) -> None:
    """Raise NotOurs if limits would be written through a link or over a file that is not ours."""
    check_plain(path)
    check_file(path, LIMITS)


def write_limits(
    path: Path, run: Path, by_seed: Mapping[int, Limits], known: Known, measured: Mapping[str, Any]
) -> None:
    """Write the limits of the seeds of `run`, the known movements, and what they were measured on.

    Raises: NotOurs as `check_limits`.
    """
    check_limits(path)
    limits = {str(seed): asdict(found) for seed, found in by_seed.items()}
    weights = {str(seed): _digest(run, seed) for seed in by_seed}
    write_json(
        path, sealed({"limits": limits, "weights": weights, "measured": dict(measured), "known": known.to_dict()})
    )


def read_limits(run: Path, seed: int) -> tuple[Limits, Known | None] | None:
    """Limits of one seed of a run, and the known movements; None if they were not measured.

    Raises: RunError naming the file if it is damaged or belongs to other weights.
    """
    path = limits_path(run)
    if not path.exists():
        return None
    again = f"run `dastm calibrate --run {run}` again, or remove it"
    document = check_seal(read_json(path, again), path, again)
    try:
        found, weights = document["limits"][str(seed)], document["weights"][str(seed)]
        limits = limits_from(found)
        known = Known.from_dict(document["known"]) if "known" in document else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: holds no limits of seed {seed} ({cut(error)}); {again}") from error
    if weights != _digest(run, seed):
        raise RunError(f"{path}: belongs to other weights than seed {seed} has now; {again}")
    return limits, known


def limits_measured_on(run: Path) -> dict[str, Any]:
    """The classes that the limits of a run were measured on, as `write_limits` was told; empty if it is not known."""
    path = limits_path(run)
    measured = read_json(path, f"run `dastm calibrate --run {run}` again").get("measured") if path.exists() else None
    return dict(measured) if isinstance(measured, Mapping) else {}


def limits_from(found: Mapping[str, Any]) -> Limits:
    """Limits of a JSON object. Raises: ValueError or TypeError for what they cannot be."""
    return Limits(**{key: float(value) for key, value in found.items() if value is not None})


def _digest(run: Path, seed: int) -> str:
    return checksum((run / "train" / f"seed-{seed}" / "best.pt").read_bytes())
