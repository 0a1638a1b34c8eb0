"""`split.layout`: shards in another layout than the files', and a manifest that says how its joints were made."""

import numpy as np
import pytest

from dastm.contract.errors import DataError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.shard_reading import read_manifest, read_shard
from dastm.contract.skeleton import BODY19
from pipeline.audit.run import audit
from pipeline.definitions.definition import load_definition
from pipeline.inspect.find import both_sides
from pipeline.inspect.stored import split_of
from pipeline.parse.run import parse
from pipeline.split.mapped import mapped_tracks
from pipeline.split.run import split
from pipeline.storage.table import read_clips
from tests.oracles.hand_made import tracks_of

KINECT = KNOWN_LAYOUTS["kinect20"]
MINE = """
name: mine
parse: {format: folder_arrays, layout: kinect20, class_names: [wave]}
split: {class_split: {train: [0], val: [], test: []}, n_frames: 4, origin: none, layout: body19}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One clip of four frames, parsed and split; its joints as recorded."""
    folder = tmp_path_factory.mktemp("mapped")
    (folder / "mine.yaml").write_text(MINE)
    joints_TVC = np.random.default_rng(0).normal(size=(4, 20, 3)).astype(np.float32)
    (folder / "raw" / "wave").mkdir(parents=True)
    np.save(folder / "raw" / "wave" / "0.npy", joints_TVC)
    definition = load_definition(folder / "mine.yaml")
    parse(definition, [folder / "raw"], folder / "parsed")
    summary = split(definition, folder / "parsed", folder / "shards")
    return folder, definition, summary, joints_TVC


def test_shards_have_the_joints_of_the_layout_that_split_asks_for(made):
    folder, _, summary, joints_TVC = made
    manifest = read_manifest(folder / "shards")
    assert manifest.layout == BODY19
    (clip,) = read_shard(folder / "shards", manifest.subsets["train"][0].shards[0])
    own = [KINECT.joints.index(name if name != "neck" else "shoulder centre") for name in BODY19.joints]
    assert np.array_equal(clip.joints_MTVC[0], joints_TVC[:, own])
    assert split_of(manifest) is not None  # the split block is still one
    assert list(summary.notes) == [
        "joints of kinect20 as body19: made: neck of shoulder centre",
        "joints of kinect20 as body19: left out: spine",
    ]
    assert manifest.definition["joints"] == list(summary.notes)
    assert audit(folder / "shards")["ok"]


def test_show_draws_both_sides_in_the_layout_of_the_shards(made):
    folder, definition, *_ = made
    (clip,) = read_clips(folder / "parsed")
    found = both_sides(clip, definition)
    assert (found.layout, found.tracks.joints_PVC.shape, found.normalised.joints_MTVC.shape[2]) == (
        BODY19,
        (4, 19, 3),
        19,
    )


def test_the_layout_of_the_files_is_no_mapping(tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE.replace("layout: body19", "layout: kinect20"))
    definition = load_definition(tmp_path / "mine.yaml")
    tracks = tracks_of([{0: np.zeros((20, 3))}], 2)
    assert mapped_tracks(tracks, definition) is tracks
    assert "joints" not in definition.to_dict()


def test_tracks_of_other_joints_are_refused(made):
    with pytest.raises(ValueError, match="3 joints, layout kinect20 has 20"):
        mapped_tracks(tracks_of([{0: np.zeros((3, 3))}], 2), made[1])


@pytest.mark.parametrize(
    ("layout", "why"),
    [
        ("stick", "one of body19, standard19, pose15, ntu25, .*, got 'stick'"),
        ("fpha21", "fpha21 needs wrist, which kinect20 has no joints for"),
    ],
)
def test_a_layout_that_cannot_be_made_is_refused_before_any_work(tmp_path, layout, why):
    (tmp_path / "mine.yaml").write_text(MINE.replace("layout: body19", f"layout: {layout}"))
    with pytest.raises(DataError, match=rf"mine\.yaml: split\.layout: {why}"):
        load_definition(tmp_path / "mine.yaml")
