"""The whole stage: bytes, zip and folder, replacement, refusals, and that the real parsers take what it writes."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import pipeline.synthesis
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.ownership import NotOurs
from dastm.contract.skeleton import LAYOUTS
from pipeline.definitions.definition import Definition, SynthSpec, load_definition
from pipeline.parse.formats.kinetics_json import parse_clip
from pipeline.parse.formats.ntu_skeleton import parse_skeleton
from pipeline.parse.sources.folder_arrays import parse_clip as parse_array
from pipeline.synthesis import synthesise

pytestmark = pytest.mark.slow

SMALL = SynthSpec(n_classes=2, clips_per_class=2, seed=3)
FORMATS = {"demo-ntu": 2, "demo-kinetics": 8}
"""data set -> files that are no sound clips: cut or empty ones, oddities, label lists."""


def demo(name: str, spec: SynthSpec | None = SMALL) -> Definition:
    return replace(load_definition(name), synth=spec)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()}


@pytest.mark.parametrize("name", FORMATS)
def test_same_seed_same_bytes_other_seed_other_bytes(name: str, tmp_path: Path) -> None:
    specs = {"a": SMALL, "b": SMALL, "c": replace(SMALL, seed=4)}
    counts = {synthesise(demo(name, spec), tmp_path / out) for out, spec in specs.items()}
    a, b, c = (files(tmp_path / out) for out in specs)
    assert counts == {4 + FORMATS[name]} == {len(a)}
    assert a == b
    assert not set(a.values()) & {content for content in c.values() if len(content) > 10_000}


@pytest.mark.parametrize("name", FORMATS)
def test_more_clips_leave_the_others_as_they_are(name: str, tmp_path: Path) -> None:
    synthesise(demo(name), tmp_path / "few")
    synthesise(demo(name, replace(SMALL, n_classes=3)), tmp_path / "more")
    few, more = files(tmp_path / "few"), files(tmp_path / "more")
    assert len(set(few.values()) & set(more.values())) >= 4


@pytest.mark.parametrize("name", FORMATS)
def test_a_zip_holds_what_the_folder_holds(name: str, tmp_path: Path) -> None:
    zipped = demo(name, replace(SMALL, zipped=True))
    n_zipped = synthesise(zipped, tmp_path / "zip")
    assert synthesise(demo(name, replace(SMALL, zipped=False)), tmp_path / "tree") == n_zipped
    archive = tmp_path / "zip" / f"{name}.zip"
    assert list((tmp_path / "zip").glob("[!.]*")) == [archive]
    with zipfile.ZipFile(archive) as content:
        assert {info.filename: content.read(info) for info in content.infolist()} == files(tmp_path / "tree")
        assert {info.date_time for info in content.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    first = archive.read_bytes()
    synthesise(zipped, tmp_path / "zip")
    assert archive.read_bytes() == first


def test_the_parsers_take_every_clip_but_the_odd_ones(tmp_path: Path) -> None:
    synthesise(demo("demo-ntu"), tmp_path / "ntu")
    refused = 0
    for content in files(tmp_path / "ntu").values():
        try:
            tracks = parse_skeleton(content, LAYOUTS["ntu25"])
            assert tracks.joints_PVC.shape[1:] == (25, 3)
        except RefusedError:
            refused += 1
    assert refused == 2
    synthesise(demo("demo-kinetics", replace(SMALL, zipped=False)), tmp_path / "kinetics")
    labels = []
    for path, content in files(tmp_path / "kinetics").items():
        if "/" in path:
            try:
                labels.append(parse_clip(content)[2])
            except RefusedError:
                refused += 1
    assert refused == 2 + 3  # two without data, one without bodies
    assert labels.count(1) == 2
    assert labels.count(0) == 2 + 2  # a clip whose list entry is empty, and the relabelled copy
    assert labels.count(None) == 1


@pytest.mark.parametrize("name", ["motion3d", "motion2d"])
def test_the_open_vocabulary_is_parsed_as_it_is_written(name: str, tmp_path: Path) -> None:
    definition = load_definition(name, {"synth": {"n_classes": 3, "clips_per_class": 2}})
    assert synthesise(definition, tmp_path / "a") == synthesise(definition, tmp_path / "b") == 6
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for path, content in files(tmp_path / "a").items():
        tracks = parse_array(path, content, definition.parse)
        assert tracks.joints_PVC.shape[1] == definition.parse.layout.n_joints
        assert tracks.notes == ()
    synthesise(definition, tmp_path / "a")  # it knows its own files


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("demo-ntu", {"vocabulary": "open"}, "vocabulary: open is written as folder_arrays, not as ntu_skeleton"),
        (
            "motion3d",
            {"vocabulary": "fixed", "n_classes": 9},
            "fixed is written as ntu_skeleton or kinetics_json, not as folder_arr",
        ),
        ("motion3d", {"n_classes": 10_001}, "synth.n_classes: at most 10000, got 10001"),
        ("motion3d", {"clips_per_class": 1001}, "synth.clips_per_class: at most 1000, got 1001"),
    ],
)
def test_a_vocabulary_has_its_own_formats_and_limits(
    name: str, wrong: dict[str, object], message: str, tmp_path: Path
) -> None:
    definition = load_definition(name)
    assert definition.synth is not None
    spec = replace(definition.synth, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        synthesise(replace(definition, synth=spec), tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_layout_that_nothing_is_made_for_is_refused(tmp_path: Path) -> None:
    definition = load_definition("motion3d")
    other = replace(definition, parse=replace(definition.parse, layout=LAYOUTS["openpose18"]))
    with pytest.raises(DataError, match=r"^motion3d: synth: made for layout ntu25 or coco17, not for openpose18$"):
        synthesise(other, tmp_path / "x")


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "raw" / "demo"
    synthesise(demo("demo-ntu"), out)
    before = set(files(out))
    synthesise(demo("demo-ntu", replace(SMALL, n_classes=1)), out)
    assert set(files(out)) < before | set(files(out))
    assert len(files(out)) == 2 + 2
    assert [path.name for path in out.parent.iterdir()] == ["demo"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_failure_midway_leaves_the_old_folder(zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition, out = demo("demo-ntu", replace(SMALL, zipped=zipped)), tmp_path / "demo"
    synthesise(definition, out)
    before = files(out)

    def broken(spec: SynthSpec):  # type: ignore[no-untyped-def]
        yield "nturgb+d_skeletons/one.skeleton", b"1"
        raise KeyboardInterrupt

    monkeypatch.setitem(pipeline.synthesis.MEMBERS, "ntu_skeleton", (broken, 2))
    with pytest.raises(KeyboardInterrupt):
        synthesise(definition, out)
    assert files(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_failure_at_the_last_step_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo"
    synthesise(demo("demo-ntu"), out)
    before, rename = files(out), Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(DataError, match=r"demo: cannot be written: No space left on device; make room there"):
        synthesise(demo("demo-ntu"), out)
    assert files(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    with pytest.raises(DataError, match="No space"):  # and with nothing to put back
        synthesise(demo("demo-ntu"), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_an_interrupted_run_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".demo.new" / "half").mkdir(parents=True)
    (tmp_path / ".demo.old").mkdir()
    synthesise(demo("demo-ntu"), tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_behind_a_link_the_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "demo").symlink_to(tmp_path / "big disk")
    synthesise(demo("demo-ntu"), tmp_path / "demo")
    assert (tmp_path / "demo").is_symlink()
    assert len(files(tmp_path / "big disk")) == 6


@pytest.mark.parametrize("change", ["genuine", "changed", "added", "list"])
def test_raw_files_that_are_not_as_they_were_made_are_never_replaced(tmp_path: Path, change: str) -> None:
    """Genuine recordings have the same names."""
    out = tmp_path / "demo"
    synthesise(demo("demo-ntu"), out)
    name = next(iter(files(out)))
    if change == "added":
        (out / name).with_name("S017C003P020R002A060.skeleton").write_bytes(b"recorded")
    elif change == "list":
        (out / ".synthetic.json").write_bytes(b"[]")
    else:
        (out / name).write_bytes(b"recorded")
    if change == "genuine":
        (out / ".synthetic.json").unlink()
    before = files(out)
    with pytest.raises((DataError, NotOurs), match=r"synthetic"):
        synthesise(demo("demo-ntu"), out)
    assert files(out) == before


def test_a_recorded_data_set_cannot_be_synthesised(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^ntu-t is recorded, .* download nturgbd_skeletons_s001_to_s017\.zip"
    ) as error:
        synthesise(load_definition("ntu-t"), tmp_path / "x")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_classes": 385}, "^demo-ntu: synth.n_classes: at most 384, got 385$"),
        ({"clips_per_class": 40_000}, "^demo-ntu: synth.clips_per_class: at most 39958, got 40000$"),
    ],
)
def test_numbers_that_cannot_be_met_are_refused(wrong: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        synthesise(demo("demo-ntu", replace(SMALL, **wrong)), tmp_path / "x")


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "S001C001P001R001A001.skeleton").write_text("mine")
    with pytest.raises(DataError, match=r"holds files but no \.synthetic\.json that says they are synthetic data"):
        synthesise(demo("demo-ntu"), tmp_path)
    assert (tmp_path / "S001C001P001R001A001.skeleton").read_text() == "mine"
    with pytest.raises(DataError, match="is a file, a folder belongs here"):
        synthesise(demo("demo-ntu"), tmp_path / "S001C001P001R001A001.skeleton")
