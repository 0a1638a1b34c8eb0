"""Data set definitions: everything that `synth`, `parse` and `split` need to know, so that a new data set is only a
file.

In: the name of a definition shipped in `datasets/`, or a user's own YAML file, plus overrides (params.yaml, --set).
Out: a checked, frozen `Definition`, its lists read. Relative paths in a definition are relative to its own file.
Every field is documented once, in the dataclasses below; a wrong key or value is one clear `DataError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dastm.contract.documents import DocumentError, read_yaml, shown
from dastm.contract.errors import DataError
from dastm.contract.faults import first_fault
from dastm.contract.mapping import JointMapping, mapping_to
from dastm.contract.skeleton import Layout
from pipeline.definitions.denoising import resolve_steps
from pipeline.definitions.lists import read_class_names, read_class_split, read_keys
from pipeline.definitions.source_spec import (
    SOURCE_FORMATS,
    SourceSpec,
    known_format,
    resolve_layout,
    resolve_source,
    resolve_target,
)

HERE = Path(__file__).parent / "datasets"

OLD_SAMPLING, NEW_SAMPLING = "frames", "frame_sampling"
"""The old and the new name of a key; older definitions, params.yaml and manifests have the old one."""
OVERRIDDEN = "params.yaml or --set"
"""The place of a wrong value that is in no definition, for messages."""
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, strict=True)]
Format = Annotated[str, BeforeValidator(known_format)]
MAX_MOTIONS = 10_000
"""Largest number of classes of the open vocabulary."""
ZERO_IS_MISSING = ("ntu_skeleton",)
"""3-D formats in which a joint at (0, 0, 0), the position of Kinect's camera, was lost by the sensor."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SynthSpec:
    """How `dastm-data synth` makes raw files, of a demo or of training data."""

    vocabulary: Literal["fixed", "open"] = "fixed"
    """`fixed`: the actions of the demos, which have names, in a recorded data set's format. `open`: any number of
    classes of composed motion (`motion_0000`, ..) as folder_arrays, with layout ntu25 in 3-D, with coco17 in 2-D."""
    n_classes: Count = 30
    clips_per_class: Count = 20
    seed: Seed = 0
    zipped: bool = False
    """Write one zip (as the official downloads are) instead of a folder."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ParseSpec:
    """What the raw files are; nothing here depends on how clips are used later."""

    format: Format
    layout: Layout
    class_names: tuple[str, ...] = ()
    """Name of class i at position i; empty: names as the source has them, else `class <id>`.

    With `synth.vocabulary: open` they need not be given: they are `motion_0000` and so on. A mapping also says how
    files name the classes: `{a01: wave, a02: clap}`."""
    class_codes: Mapping[str, str] = Field(default_factory=dict)
    """Name of a class in paths or in a labels file -> its name here; from `class_names`, if that is a mapping."""
    missing: frozenset[str] = frozenset()
    """Keys on the data set's own list of clips with missing or wrong skeletons; they are refused."""
    classes: Literal["all", "split"] = "all"
    """`split`: only classes that `split.class_split` names are parsed, the others are counted in the summary."""
    zero_joints: Literal["measured", "missing"] | None = None
    """Whether a joint at exactly zero was measured. None: as is usual for the format.

    That is `missing` in ntu_skeleton, and in 2-D fractions or pixels without confidences, where zero is the corner of
    the image. Otherwise it is `measured`: root-centred data has its root at zero, `image: centred` the middle of the
    image. 2-D data with confidences uses these alone. If all joints of a body are zero in a frame, the frame is
    padding.
    """
    source: SourceSpec | None = None
    """How to read pickles, stacks and folders of arrays; None for formats that describe themselves."""

    @property
    def zero_is_missing(self) -> bool:
        """Whether a joint at zero counts as missing: `zero_joints`, or the usual rule of the format."""
        if self.zero_joints is None:
            return self.format in ZERO_IS_MISSING or (self.layout.is_image and not self._is_centred)
        return self.zero_joints == "missing"

    @property
    def _is_centred(self) -> bool:
        """Whether 2-D zero is the middle of the image, as it is in stacks unless they say otherwise."""
        of = self.source or SourceSpec()
        usual = self.format == "array_stack" and of.image_size is None
        return of.image == "centred" or (of.image is None and usual)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SplitSpec:
    """How parsed clips become normalised, sampled, class-split shards."""

    class_split: Mapping[str, tuple[int, ...]]
    """subset -> 0-based class ids; `rest` in place of a list: all of class_names that no other subset lists."""
    layout: Layout | None = None
    """A known layout to which joints are mapped first (`dastm.contract.mapping`); None: that of the files."""
    by: Literal["subject", "camera", "setup"] | None = None
    """Keep the subjects (cameras, setups) of train, val and test apart: they are divided at random (`seed`), in the
    same proportions as the classes. A clip is left out if its class and its subject belong to different subsets."""
    n_frames: Count = 30
    frame_sampling: Literal["center", "random", "path"] = "center"
    """TSN sampling: the middle frame of each of `n_frames` equal segments, or one drawn at random (seeded). `path`: the
    frames at equal steps along the path of all joints (`frame_sampling.path_frames`)."""
    frame_order: Literal["time", "scrambled"] = "time"
    """Order of the sampled frames: in time, or with frames and coordinates scrambled as in the authors' released code
    (see `frame_sampling.scramble`). Clips shorter than `n_frames` are in time order either way."""
    clips_per_class: Count | None = None
    """Number of clips drawn from each class (with `seed`); None: all."""
    too_few: Literal["error", "note"] = "error"
    """What to do if a class has fewer clips than `clips_per_class`: stop, or use all of them and say so."""
    exemplars: tuple[str, ...] = ()
    """Keys of the clips that are the examples of the test classes in a one-shot protocol: a list, or a text file."""
    exemplars_per_class: Count | None = 1
    """Number of exemplars of every test class; None: any number from one on."""
    bodies: Count = 2
    """Largest number of bodies kept of a clip."""
    rank: Literal["spread", "motion", "length", "stored", "slots", "confidence"] = "spread"
    """Which bodies are kept, best first. Whole tracks, equal ones by length (or spread) and then by appearance:

    `spread`: standard deviations of x, y and z over joints and frames, added up, as 2s-AGCN (Shi et al., CVPR 2019);
    `motion`: variances instead, as CTR-GCN (Chen et al., ICCV 2021) and PYSKL (Duan et al., ACM MM 2022);
    `length`: frames seen. `stored`: as the source lists them. `slots`: the same, and each in its slot of the source's
    arrays: an empty one before a body stays, as a body of zeros. `confidence`: no tracks, but in each frame on its own
    the largest summed confidence among the first five listed, as ST-GCN's Kinetics feeder (Yan et al., AAAI 2018).
    """
    denoise: Annotated[Mapping[str, float], BeforeValidator(resolve_steps)] = Field(default_factory=dict)
    """Tracks to drop or join first: presets or steps by name, one or a list, or step -> threshold (see `denoising`).

    `ctr_gcn` (short, wide, join 1), `pyskl` (short, wide, join 0, swap), both with `rank: motion`; `ghosts`
    (motion_low, frozen, crumpled). Always in the order below; the best-ranked body left is never dropped.
    `short: 11`: seen in at most this number of frames (CTR-GCN, PYSKL).
    `wide: 0.69754`: at least this share of frames is not upright: x extent above 0.8 of the y extent. In the ranking
    by motion, only upright frames of the other tracks count from then on (CTR-GCN, PYSKL).
    `motion_low: 0.089925`, `motion_high: 2`: square metres; second and further bodies outside (CTR-GCN, not run there).
    `frozen: 0.01`: metres, no joint moves as far. `crumpled: 0.6`: metres, its usual extent is smaller (both ours).
    `join: 0`: a track becomes part of the first body whose frames, first to last, share no more than so many with its
    own (PYSKL; CTR-GCN: 1. Both reckon the second body's frames from frame 0 on, here from its own first).
    `swap`: the first two bodies change places where only the second is in the clip's first frame (PYSKL's last step).
    """
    two_person_classes: tuple[Annotated[int, Field(ge=0, strict=True)], ...] | None = None
    """Ids (from 0) of the classes in which two people act; None: not known."""
    extra_bodies: Literal["keep", "drop"] = "keep"
    """Whether bodies in addition to those who act (two in `two_person_classes`, else one) are kept up to `bodies`."""
    missing_joints: Literal["interpolate", "zero"] = "interpolate"
    """Joints without a measurement: linear in time within their track, or 0 (after normalisation).

    Frames that do not show a body at all are as `gaps` says, either way; image layouts tell by confidence 0.
    """
    gaps: Literal["interpolate", "zero", "close"] = "interpolate"
    """What to do with frames in which a kept body is not seen while the clip goes on.

    `interpolate`: straight lines between the frames that show it, held before and after them (ours). `zero`: all its
    joints stay 0 there, after normalisation, as in ST-GCN's reader. `close`: as CTR-GCN and PYSKL: frames that show
    nobody are left out, every track goes on from frame to frame from its first one; 0 before and after it.
    """
    origin: Literal["none", "first_frame", "every_frame"] = "first_frame"
    """The frame whose centre joint (of the first body) is moved to the origin."""
    rotate: Literal["none", "yaw", "upright"] = "none"
    """First body's shoulder line along x by a turn about the vertical, or spine onto z and then shoulders onto x."""
    scale: Literal["none", "torso"] = "none"
    """`torso`: lengths divided by the first body's median torso length."""
    seed: Seed = 0
    clips_per_shard: Count = 1000

    def most_bodies(self, class_id: int) -> int:
        """Largest number of bodies kept of a clip of this class."""
        if self.extra_bodies == "keep":
            return self.bodies
        return min(self.bodies, 2 if class_id in (self.two_person_classes or ()) else 1)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RecordedSpec:
    """What a complete data set contains, including the clips on its missing list."""

    clips: tuple[tuple[Count, Count], ...]
    """Runs of classes from class 0 on: number of classes, and number of clips of each."""
    setups: Count | None = None
    """Number of setups, which are numbered from 1, like cameras and subjects. None: not in the names of clips."""
    cameras: Count | None = None
    subjects: Count | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Definition:
    """One data set. `source` is the YAML file it came from."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """The name of the data set, which also names folders."""
    about: str = ""
    download: str = ""
    """What to download, from whom, and which files; shown if the raw folder is missing."""
    recorded: RecordedSpec | None = None
    """What its authors say it contains, for `doctor`: a mapping, or a YAML file."""
    synth: SynthSpec | None = None
    parse: ParseSpec
    split: SplitSpec
    source: Path

    @property
    def shard_layout(self) -> Layout:
        """The layout of the shards: `split.layout`, else that of the parsed table."""
        return self.split.layout or self.parse.layout

    @property
    def joint_mapping(self) -> JointMapping | None:
        """How the joints of shards are computed; None if they are those of the parsed table."""
        return None if self.split.layout is None else mapping_to(self.parse.layout, self.split.layout)

    def class_name(self, class_id: int) -> str | None:
        """The name on the data set's own list, or None where it has none."""
        names = self.parse.class_names
        return names[class_id] if 0 <= class_id < len(names) else None

    def subset_of(self, class_id: int) -> str | None:
        """train, val or test; None for a class outside the split."""
        return next((subset for subset, ids in self.split.class_split.items() if class_id in ids), None)

    def to_dict(self) -> dict[str, Any]:
        """The resolved definition in full, without paths of this machine, as the manifest keeps it."""
        document = asdict(self)
        del document["source"], document["recorded"]
        document["parse"]["layout"] = self.parse.layout.to_dict()
        mapping = self.joint_mapping
        del document["split"]["layout"]
        if mapping is not None:
            document["joints"] = mapping.lines()
        document["parse"]["missing"] = len(self.parse.missing)
        document["parse"]["zero_joints"] = "missing" if self.parse.zero_is_missing else "measured"
        if not self.parse.class_codes:
            del document["parse"]["class_codes"]
        if self.split.by is None:
            del document["split"]["by"]
        if self.parse.source is None:
            del document["parse"]["source"]
        else:
            document["parse"]["source"]["labels"] = len(self.parse.source.labels)
        return document


def shipped_names() -> list[str]:
    """Names of the definitions that come with the package."""
    return sorted(path.stem for path in HERE.glob("*.yaml"))


def load_definition(name_or_path: str | Path, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Definition:
    """Read a shipped definition by name, or a user's own YAML file.

    Args:
        overrides: block -> key -> value, which replace those of the file; None is a value (`clips_per_class`: all).

    Raises: DataError naming the file and the key for anything unknown, missing or of the wrong kind.
    """
    path = _find(name_or_path)
    document = _read_yaml(path)
    try:
        document["split"] = with_new_names(_block(document, "split"))
        overrides = {block: with_new_names(values or {}) for block, values in (overrides or {}).items()}
        for block, values in overrides.items():
            if block == "synth" and values and document.get(block) is None:
                raise ValueError("synth: this data set is recorded; made clips must not go by its name")
            if values:
                document[block] = {**_block(document, block), **values}
        return _build(document, path)
    except ValidationError as error:
        first = error.errors()[0]
        source = OVERRIDDEN if _is_override(first["loc"], overrides or {}) else path
        raise DataError(f"{source}: {first_fault(Definition, error)}") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from error


def with_new_names(split: Mapping[str, Any]) -> dict[str, Any]:
    """A split block, or overrides of it, with the old key `frames` under its new name.

    Raises: ValueError if it has both names.
    """
    if OLD_SAMPLING not in split:
        return dict(split)
    if NEW_SAMPLING in split:
        raise ValueError(f"split.{OLD_SAMPLING}: the old name of split.{NEW_SAMPLING}; leave it out")
    return {NEW_SAMPLING if key == OLD_SAMPLING else key: value for key, value in split.items()}


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix.lower() in (".yaml", ".yml"):
        if not path.is_file():
            raise DataError(f"{path}: no such definition file")
        return path
    shipped = HERE / f"{name_or_path}.yaml"
    if not shipped.is_file():
        raise DataError(
            f"no data set {str(name_or_path)!r}: one of {', '.join(shipped_names())}, or your own .yaml file"
        )
    return shipped


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = read_yaml(path)
    except DocumentError as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a mapping with name, parse and split")
    return document


def _block(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    block = document.get(name) or {}
    if not isinstance(block, Mapping):
        raise ValueError(f"{name}: expected a mapping, got {shown(block)}")
    return dict(block)


def _is_override(place: Sequence[Any], overrides: Mapping[str, Mapping[str, Any]]) -> bool:
    return len(place) > 1 and place[1] in overrides.get(place[0], {})


def _build(document: dict[str, Any], path: Path) -> Definition:
    """Resolve lists, layout and class ids; then let the dataclasses check every key and value."""
    parse, split = _block(document, "parse"), _block(document, "split")
    format_name = str(parse.get("format"))
    parse["layout"] = resolve_layout(parse.get("layout"), format_name)
    parse["source"] = resolve_source(parse.get("source"), format_name, path.parent)
    if parse["layout"].is_image and (parse["source"] or {}).get("mirrored"):
        raise ValueError(f"parse.source.mirrored: only 3-D can be, and layout {parse['layout'].name} is of an image")
    parse["class_names"], parse["class_codes"] = read_class_names(parse.get("class_names"), path.parent)
    if parse["class_codes"] and format_name not in SOURCE_FORMATS:
        raise ValueError(f"parse.class_names: files of {format_name} call no class otherwise; write a list")
    parse["class_names"] = parse["class_names"] or _motion_names(document.get("synth"))
    if not isinstance(parse.get("missing") or "", str):
        raise ValueError(f"parse.missing: the name of a text file, got {shown(parse['missing'])}")
    parse["missing"] = read_keys(parse.get("missing") or None, "parse.missing", path.parent, format_name)
    split["layout"] = resolve_target(split.get("layout"), parse["layout"])
    split["exemplars"] = _exemplars(split.get("exemplars"), path, format_name)
    first = split.pop("first_class_id", 0)
    given = split.get("class_split")
    given = _read_yaml(path.parent / given) if isinstance(given, str) else given
    split["class_split"] = read_class_split(given, first, len(parse["class_names"]))
    if isinstance(document.get("recorded"), str):
        document = {**document, "recorded": _read_yaml(path.parent / document["recorded"])}
    resolved = {"name": path.stem, **document, "parse": parse, "split": split, "source": path}
    return TypeAdapter(Definition).validate_python(resolved)


def _exemplars(value: Any, path: Path, format_name: str) -> tuple[str, ...]:
    """A list, or a text file with a key a line."""
    keys = read_keys(value, "split.exemplars", path.parent, format_name)
    twice = sorted(key for key in set(keys) if keys.count(key) > 1)
    if twice:
        raise ValueError(f"split.exemplars: {twice[0]} is listed more than once")
    return keys


def _motion_names(synth: Any) -> tuple[str, ...]:
    """Those of the open vocabulary, which tell nothing of its classes; a wrong number is complained of later."""
    if not isinstance(synth, Mapping) or synth.get("vocabulary") != "open":
        return ()
    count = synth.get("n_classes", SynthSpec.n_classes)
    return tuple(map(motion_name, range(min(max(1, count), MAX_MOTIONS) if type(count) is int else 1)))


def motion_name(class_id: int) -> str:
    """The name of a class of the open vocabulary, and of its folder."""
    return f"motion_{class_id:04d}"
