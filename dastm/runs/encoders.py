"""Encoders that come with DASTM: run folders within the package, known by their name, and never written into.

In: the name or path of a run. Out: its folder. A folder with a card is an encoder: it has no shards, and its results
are written elsewhere.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.contract.names import is_plain
from dastm.contract.shard_format import checksum
from dastm.runs.checkpoint import load_checkpoint
from dastm.runs.files import write_bytes
from dastm.runs.record import CONFIG_NAME, TrainingRecord

ENCODERS = Path(__file__).parents[1] / "encoders"
CARD = "card.md"
LIMITS_NAME = "limits.json"
RUNS = Path("data") / "runs"


def run_of(named: str | Path, encoders: Path = ENCODERS) -> Path:
    """The folder of a run: the path if it exists, else the encoder with this name, else the path unchanged."""
    path = Path(named)
    shipped = encoders / path
    found = not path.exists() and is_plain(str(named)) and (shipped / "train" / CONFIG_NAME).is_file()
    return shipped if found else path


def is_encoder(run: Path) -> bool:
    """Whether a run folder is a shipped encoder."""
    return (run / CARD).is_file()


def results_of(run: Path, dataset: str) -> Path:
    """The folder for the results of a run: its own; for an encoder data/runs/<encoder>-on-<data set>."""
    if not is_encoder(run):
        return run
    return RUNS / f"{run.resolve().name}-on-{dataset if is_plain(dataset) else checksum(dataset.encode())[:8]}"


def make_encoder(run: Path, folder: Path, card: str) -> None:
    """Make the folder of an encoder from a run: its record, the best weights of its first seed, and a card.

    The place of the shards is left out; the classes that were seen are kept. Raises: RunError if the run is not
    finished.
    """
    record = TrainingRecord.read(run)
    seed = record.config.optimise.seeds[0]
    weights = run / "train" / f"seed-{seed}" / "best.pt"
    load_checkpoint(weights)
    optimise = replace(record.config.optimise, seeds=(seed,))
    shipped = replace(
        record,
        config=replace(record.config, optimise=optimise),
        shards=record.dataset,
        beside=None,
        sets=tuple(replace(one, shards="") for one in record.sets),
        seen_before=tuple(replace(one, shards="") for one in record.seen_before),
    )
    shipped.write(folder)
    write_bytes(folder / "train" / f"seed-{seed}" / "best.pt", weights.read_bytes())
    if (limits := run / "train" / LIMITS_NAME).is_file():
        write_bytes(folder / "train" / LIMITS_NAME, limits.read_bytes())
    write_bytes(folder / CARD, card.encode())


def best_weights(run: Path, record: TrainingRecord) -> tuple[Mapping[str, object], str]:
    """The best weights of the first seed of a run, by name, and the digest of their file. RunError if damaged."""
    path = run / "train" / f"seed-{record.config.optimise.seeds[0]}" / "best.pt"
    model = load_checkpoint(path).get("model")
    if not isinstance(model, Mapping):
        raise RunError(f"{path}: holds no weights of a network; train again")
    return model, checksum(path.read_bytes())
