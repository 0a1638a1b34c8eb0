"""The limits of a run on disk: the distances beyond which a clip is none of the classes (`dastm.matching.rejection`).

`dastm calibrate` writes them to train/limits.json in the run: the limits of every seed, the digests of the weights that
they belong to, the classes that they were measured on, and a digest of the file.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dastm.contract.errors import RunError
from dastm.contract.ownership import check_file, check_plain
from dastm.contract.shard_format import checksum
from dastm.matching.rejection import Limits
from dastm.runs.encoders import LIMITS_NAME
from dastm.runs.files import read_json, write_json
from dastm.runs.run_folder import LIMITS
from dastm.runs.sealed import check_seal, sealed


def limits_path(run: Path) -> Path:
    """The path of the limits of a run."""
    return run / "train" / LIMITS_NAME


def check_limits(path: Path) -> None:
    """Raise NotOurs if limits would be written through a link or over a file that is not ours."""
    check_plain(path)
    check_file(path, LIMITS)


def write_limits(path: Path, run: Path, by_seed: Mapping[int, Limits], measured: Mapping[str, Any]) -> None:
    """Write the limits of the seeds of `run`, and what they were measured on. Raises: NotOurs as `check_limits`."""
    check_limits(path)
    limits = {str(seed): asdict(found) for seed, found in by_seed.items()}
    weights = {str(seed): _digest(run, seed) for seed in by_seed}
    write_json(path, sealed({"limits": limits, "weights": weights, "measured": dict(measured)}))


def read_limits(run: Path, seed: int) -> Limits | None:
    """Limits of one seed of a run; None if they were not measured.

    Raises: RunError naming the file if it is damaged or belongs to other weights.
    """
    path = limits_path(run)
    if not path.exists():
        return None
    again = f"run `dastm calibrate --run {run}` again, or remove it"
    document = check_seal(read_json(path, again), path, again)
    try:
        found, weights = document["limits"][str(seed)], document["weights"][str(seed)]
        limits = Limits(**{key: float(value) for key, value in found.items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: holds no limits of seed {seed} ({type(error).__name__}: {error}); {again}") from error
    if weights != _digest(run, seed):
        raise RunError(f"{path}: belongs to other weights than seed {seed} has now; {again}")
    return limits


def _digest(run: Path, seed: int) -> str:
    return checksum((run / "train" / f"seed-{seed}" / "best.pt").read_bytes())
