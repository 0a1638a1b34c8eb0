"""train/config.json of a run: the resolved configuration, the shards, versions, code and revision.

If all of these are equal, a command continues the same training; otherwise it is a different training.
"""

import hashlib
import os
import platform
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dastm import __version__
from dastm.config.load import config_from_dict
from dastm.config.schema import Config
from dastm.contract.documents import cut, shown
from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, Manifest, checksum, encode_manifest
from dastm.contract.skeleton import Layout
from dastm.episodes.common import mapped_manifest
from dastm.episodes.urls import is_url
from dastm.runs.device import accelerator, pick_device
from dastm.runs.files import read_json, write_json
from dastm.runs.sealed import DIGEST, check_seal, sealed

CONFIG_NAME = "config.json"
NOT_TRAINING = ("__main__.py", "bench", "cli", "encoders", "recogniser", "report", "sweep")
"""Files and folders of this package on which no weight depends."""
ARITHMETIC = ("torch", "numpy", "numba")
"""Packages whose version may change the last bit of a weight."""
YOUNGER = ("begun_from", "seen_before", "sets")
"""Keys of config.json that are written only if they are not empty."""
WHERE = ("shards", "beside")
"""Keys of config.json that say where the shards are. No digest covers them, so they may be corrected by hand."""
PREPARATION = ("origin", "rotate", "scale", "missing_joints", "gaps", "frame_sampling", "frame_order")
"""Keys of a definition's split block by which its clips are prepared; `n_frames` is the manifest's own."""
COMMON = "common"
"""A further key, of clips that were mapped to a common layout and prepared again (`dastm.episodes.common`)."""
KEEP_SLOTS = "keep_slots"
"""A further key: whether bodies are in the slots of their source, empty ones before them (`rank: slots`, or an import).

Networks with a norm for each slot depend on it."""
BODIES, EXTRA_BODIES = "bodies", "extra_bodies"
"""Further keys: how many bodies are kept of a clip, whose features are averaged. Which ones is no matter of fit."""
UNSAID_BEFORE = (KEEP_SLOTS, BODIES, EXTRA_BODIES)
"""Keys that older records, and shards that do not say how bodies were chosen, lack: no difference can be told then."""
OLD_NAMES = {"frame_sampling": "frames"}
"""Names of these keys in older manifests and records."""
MISSING_MEANS = {"gaps": "interpolate", "frame_order": "time"}
"""Defaults of keys that older split blocks lack: what was done before the key existed."""


@cache
def code_digest() -> str:
    """Digest of the source code that weights depend on: a training continues only with the code that started it.

    Files are read once: what is changed later is not what this process runs.
    """
    root = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in NOT_TRAINING):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def software() -> dict[str, str]:
    """Versions of packages that a result may depend on."""
    packages = {name: version(name) for name in ("torch", "numpy", "numba", "pyarrow")}
    return {"dastm": __version__, "python": platform.python_version(), **packages}


def git_revision() -> str | None:
    """The git revision of this checkout, with `-dirty` if files differ from it; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


@dataclass(frozen=True, kw_only=True)
class DataSeen:
    """A data set that weights were trained on: its classes, and where its shards were."""

    dataset: str
    classes: Mapping[str, Mapping[int, str]]
    """train and val -> class id -> name."""
    shards: str = ""
    digest: str = ""
    """Of manifest.json."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """The content of train/config.json. Two trainings are the same if their `identity` is equal."""

    config: Config
    shards: str
    """Where the shards were read from."""
    dataset: str
    shards_digest: str
    """Of manifest.json."""
    code: str
    versions: Mapping[str, str]
    revision: str | None
    classes: Mapping[str, Mapping[int, str]] | None = None
    """train and val -> class id -> name: the classes seen; None: an older version wrote the record."""
    layout: Layout | None = None
    """The skeleton that the weights were trained on; None: an older version wrote the record."""
    preparation: Mapping[str, Any] | None = None
    """How the clips were prepared, see `preparation_of`; None: an older version wrote the record."""
    clips: str | None = None
    """`clips_digest` of the shards; None: an older version wrote the record."""
    sets: tuple[DataSeen, ...] = ()
    """The data sets of a training on several; empty for a single one."""
    begun_from: Mapping[str, str] | None = None
    """The run that the training started from: its name, and the digest of its weights; None: no run."""
    seen_before: tuple[DataSeen, ...] = ()
    """The data sets that those weights were trained on."""
    beside: str | None = field(default=None, compare=False)
    """The path of the shards relative to the run folder; None: not written yet, a URL, or an older version."""

    def identity(self) -> dict[str, Any]:
        """Everything that the weights of one seed depend on, except the device and its number of threads."""
        config = self.config.to_dict()
        del config["optimise"]["seeds"], config["optimise"]["checkpoint_seconds"], config["evaluation"]
        versions = {name: self.versions.get(name) for name in ARITHMETIC}
        begun = {"begun_from": self.begun_from["weights"]} if self.begun_from else {}
        return {"config": config, "shards_digest": self.shards_digest, "code": self.code, "versions": versions, **begun}

    def all_seen(self) -> tuple[DataSeen, ...]:
        """Every data set that the weights were trained on, as far as the record says so."""
        own = DataSeen(dataset=self.dataset, classes=self.classes or {}, shards=self.shards, digest=self.shards_digest)
        return (*(self.sets or (own,)), *self.seen_before)

    def trained_on(self, manifest: Manifest) -> bool:
        """Whether these are the shards of the training, or the same clips prepared equally by another version."""
        prepared_equally = self.preparation == comparable(preparation_of(manifest), self.preparation or {})
        same = self.clips == clips_digest(manifest) and prepared_equally
        digests = [self.shards_digest, *(one.digest for one in self.sets)]
        return same or checksum(encode_manifest(manifest)) in digests

    def of_classes(self, pools: Mapping[str, Collection[int]]) -> "TrainingRecord":
        """The record of a training that sees only these classes; subset -> class ids."""
        if self.classes is None:
            return self
        classes = {
            subset: {class_id: name for class_id, name in ids.items() if class_id in pools[subset]}
            for subset, ids in self.classes.items()
        }
        return replace(self, classes=classes)

    def check_shards(self, manifest: Manifest) -> None:
        """Raise RunError unless these are the shards of the training: of others, any class may have been seen."""
        if not self.trained_on(manifest):
            raise RunError(
                f"{self.shards}: the shards are not those that this run was trained on; train again, or name them with "
                "--shards to take them all the same"
            )

    def write(self, run: Path) -> None:
        """Write train/config.json of a run folder."""
        document = {**vars(self), "config": self.config.to_dict(), "versions": dict(self.versions)}
        if self.layout is not None:
            document["layout"] = self.layout.to_dict()
        for name in YOUNGER:
            if document[name]:
                document[name] = [asdict(one) for one in document[name]] if name != "begun_from" else document[name]
            else:
                del document[name]
        if Path(self.shards).is_absolute() and not self.sets:
            document["beside"] = os.path.relpath(self.shards, run.absolute())
        write_json(run / "train" / CONFIG_NAME, sealed(document, but=WHERE))

    @staticmethod
    def read(run: Path) -> "TrainingRecord":
        """Read train/config.json; RunError if the folder is no run or the file is damaged."""
        path = run / "train" / CONFIG_NAME
        if not path.is_file() and (run / MANIFEST_NAME).is_file():
            raise RunError(f"{run}: shards, not a run folder; name a run (--run), and these shards with --shards")
        if not path.is_file() and (run / "metrics.json").is_file():
            raise RunError(f"{run}: results of `dastm eval`, not a run; name the run, and the shards with --shards")
        if not path.is_file():
            raise RunError(f"{run}: not a run folder (no train/{CONFIG_NAME}); `dastm train --out {run}` makes one")
        again = f"move {run} away, then `dastm train --out {run}`"
        document = read_json(path, again)
        try:
            _check_texts(document)
            if "layout" in document or DIGEST in document:
                document = check_seal(document, path, again, but=WHERE)
            layout = document.pop("layout", None)
            layout = Layout.from_dict(layout) if layout is not None else None
            config, versions = config_from_dict(document.pop("config"), str(path)), dict(document.pop("versions"))
            document["preparation"] = _with_new_names(document.pop("preparation", None))
            document["classes"] = _classes_read(document.pop("classes", None))
            document |= {name: _seen_read(document.pop(name, ())) for name in ("seen_before", "sets")}
            return TrainingRecord(config=config, versions=versions, layout=layout, **document)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise RunError(f"{path}: not the record of a training ({cut(error)}); {again}") from error


def _check_texts(document: dict[str, Any]) -> None:
    """TypeError naming what is no text and should be one."""
    for name in ("shards", "dataset", "shards_digest", "code"):
        if not isinstance(document[name], str):
            raise TypeError(f"{name}: expected a text, got {shown(document[name])}")
    if not isinstance(document["revision"], str | None):
        raise TypeError(f"revision: expected a text or null, got {shown(document['revision'])}")
    for name, text in dict(document["versions"]).items():
        if not isinstance(text, str):
            raise TypeError(f"versions.{name}: expected a text, got {shown(text)}")


def _with_new_names(preparation: Any) -> Any:
    """What an older record says of a preparation, with the names of today."""
    if not isinstance(preparation, dict):
        return preparation
    new = {old: name for name, old in OLD_NAMES.items()}
    return {new.get(key, key): value for key, value in preparation.items()}


def _classes_read(document: Any) -> dict[str, dict[int, str]] | None:
    """JSON has no numbers for keys."""
    if document is None:
        return None
    return {subset: {int(class_id): str(name) for class_id, name in ids.items()} for subset, ids in document.items()}


def _seen_read(document: Any) -> tuple[DataSeen, ...]:
    return tuple(DataSeen(**{**one, "classes": _classes_read(one["classes"]) or {}}) for one in document)


def training_classes(manifest: Manifest) -> dict[str, dict[int, str]]:
    """train and val -> class id -> name: the classes of a training on these shards."""
    return {
        subset: {class_id: entry.name for class_id, entry in sorted(manifest.subsets.get(subset, {}).items())}
        for subset in ("train", "val")
    }


def comparable(here: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What shards say of their preparation, without the keys of `UNSAID_BEFORE` that the record lacks."""
    return {key: value for key, value in here.items() if key in recorded or key not in UNSAID_BEFORE}


def preparation_of(manifest: Manifest) -> dict[str, Any]:
    """How the clips of shards were prepared, as far as it matters for weights: keys of the definition's split block.

    None: the shards do not say.
    """
    split = manifest.definition.get("split") or {}
    told = {key: split.get(key, split.get(OLD_NAMES.get(key, key))) for key in PREPARATION}
    further = {key: split[key] for key in (COMMON,) if key in split} | _bodies_told(manifest.definition)
    return {**told, **further, "n_frames": manifest.frames}


def _bodies_told(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `UNSAID_BEFORE` with their values, where the definition says how bodies were chosen."""
    split = definition.get("split") or {}
    told = {BODIES: split[BODIES], EXTRA_BODIES: split.get(EXTRA_BODIES, "keep")} if BODIES in split else {}
    if "arrays" in definition:
        return {**told, KEEP_SLOTS: (definition["arrays"] or {}).get(KEEP_SLOTS) is True}
    rank = split.get("rank")
    return told if rank is None else {**told, KEEP_SLOTS: rank == "slots"}


def clips_digest(manifest: Manifest) -> str:
    """Digest of a manifest's facts about the clips: data set, layout, classes, counts, contents; not the versions."""
    return checksum(encode_manifest(replace(manifest, definition={}, versions={})))


def record_training(config: Config, shards: str, manifest: Manifest) -> TrainingRecord:
    """The record of a training that starts now; `manifest` is that of the stored shards.

    Raises: RunError if they cannot be mapped to the common layout of the configuration.
    """
    seen = mapped_manifest(manifest, config.augment.layout)
    return TrainingRecord(
        config=config,
        shards=shards if is_url(shards) else str(Path(shards).absolute()),
        dataset=manifest.dataset,
        shards_digest=checksum(encode_manifest(manifest)),
        code=code_digest(),
        versions=software() | accelerator(pick_device(config.optimise.device)),
        revision=git_revision(),
        classes=training_classes(manifest),
        layout=seen.layout,
        preparation=preparation_of(seen),
        clips=clips_digest(manifest),
    )
