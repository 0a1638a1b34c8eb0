"""Several sets as one source: every clip is the one it was, classes keep apart or merge, sets are drawn alike."""

from contextlib import closing
from dataclasses import replace

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, encode_manifest
from dastm.contract.shard_reading import read_manifest
from dastm.contract.skeleton import BODY19, COCO17, NTU25
from dastm.episodes.augmentation import center_frames
from dastm.episodes.several import Several, notes, sets_of, viewed
from dastm.episodes.small_classes import without_small
from dastm.episodes.sources import open_several, open_source
from tests.toy import toy_shards

NAMES = {0: "Walk", 1: "sit down", 6: "wave", 7: "jump up"}


def named(path, names, **options):
    """Toy shards whose classes have names."""
    toy_shards(path, **options)
    manifest = read_manifest(path)
    subsets = {
        subset: {own: replace(entry, name=names.get(own, entry.name)) for own, entry in classes.items()}
        for subset, classes in manifest.subsets.items()
    }
    (path / MANIFEST_NAME).write_bytes(encode_manifest(replace(manifest, subsets=subsets)))
    return str(path)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """`b` trains on WALK, as `a` does, and on jump, which `a` validates on."""
    root = tmp_path_factory.mktemp("several")
    others = {0: "WALK", 2: "Jump_Up", 6: "wave"}
    return (
        named(root / "a", NAMES, dataset="a", layout=NTU25),
        named(root / "b", others, dataset="b", layout=NTU25, seed=1),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["apart", "merged"])
def several(request, shards):
    with closing(open_several(shards, layout=None, merge=request.param, balance=True)) as source:
        yield source


def test_classes_have_ids_of_their_own_or_one_if_they_have_one_name(several):
    train, val = several.pool_sizes("train"), several.pool_sizes("val")
    names = {class_id: entry.name for class_id, entry in several.manifest.subsets["train"].items()}
    walking = {class_id: train[class_id] for class_id, name in names.items() if name.casefold() == "walk"}
    assert walking == ({0: 16} if several.merge else {0: 8, 9: 8})
    assert sum(train.values()) == 2 * 6 * 8
    assert len(train) == (11 if several.merge else 12)
    assert len(val) == (4 if several.merge else 5)  # wave twice, jump not at all
    assert several.manifest.pool_sizes("train") == train


def test_a_class_that_another_set_trains_on_is_not_validated_on_which_is_said(several):
    assert "jump up" not in {entry.name for entry in several.manifest.subsets["val"].values()}
    assert notes(several, None) == ["a: not validated on, as another set trains on it: jump up"]


def test_every_clip_is_that_of_its_own_set_whatever_it_is_asked_for_with(several, shards):
    ids = sorted(several.pool_sizes("train"))
    selections = [[(ids[0], 0), (ids[-1], 3), (ids[2], 1), (ids[-2], 0)], [(ids[1], 2)]]
    batches = several.clips("train", selections)
    with closing(open_source(shards[0])) as a, closing(open_source(shards[1])) as b:
        for batch, selected in zip(batches, selections, strict=True):
            for row, (class_id, i) in enumerate(selected):
                ((place, own, _),) = several.classes["train"][class_id][:1]
                (alone,) = (a, b)[place].clips("train", [[(own, i)]])
                n_bodies = alone.present_LM.shape[1]
                assert torch.equal(batch.joints_LMTVC[row, :n_bodies], alone.joints_LMTVC[0])
                assert batch.joints_LMTVC[row, n_bodies:].abs().sum() == 0
                assert batch.present_LM[row].tolist() == [True] * n_bodies + [False] * (
                    batch.present_LM.shape[1] - n_bodies
                )


def test_two_classes_of_one_set_are_never_merged(tmp_path):
    paths = [
        named(tmp_path / name, names, dataset=name, layout=NTU25)
        for name, names in (
            ("a", {0: "turn left", 1: "turn_left"}),
            ("b", {0: "Turn Left", 1: "turn -90", 2: "turn 90"}),
        )
    ]
    with closing(open_several(paths, layout=None, merge=True, balance=True)) as source:
        assert len(source.pool_sizes("train")) == 12


def test_a_merged_class_has_the_clips_of_both(shards):
    with closing(open_several(shards, layout=None, merge=True, balance=True)) as source:
        (both,) = source.clips("train", [[(0, 7), (0, 8)]])
        (first,) = source.sources[0].clips("train", [[(0, 7)]])
        (second,) = source.sources[1].clips("train", [[(0, 0)]])
        assert torch.equal(both.joints_LMTVC[0, :1], first.joints_LMTVC[0, :1])
        assert torch.equal(both.joints_LMTVC[1, :1], second.joints_LMTVC[0, :1])
        assert [0 in ids for ids in source.sets("train")] == [True, True]
        with pytest.raises(ValueError, match="class 0 has 16 clips, no clip 16"):
            source.clips("train", [[(0, 16)]])


def test_a_set_without_classes_is_never_drawn_and_balance_is_a_choice(shards):
    with closing(open_several(shards, layout=None, merge=False, balance=False)) as source:
        assert sets_of(source, "train") == []
        balanced = replace(source, balance=True)
        assert [len(ids) for ids in sets_of(balanced, "train")] == [6, 6]
        few, _ = without_small(balanced, {"train": 9})
        assert sets_of(few, "train") == []
        assert sets_of(source.sources[0], "train") == []


def test_views_are_put_on_each_set_as_they_may_hold_other_numbers_of_frames(tmp_path, shards):
    longer = named(tmp_path / "c", {}, dataset="c", layout=BODY19, frames=9, split={"origin": "every_frame"})
    with closing(open_several([shards[0], longer], layout="body19", merge=False, balance=True)) as source:
        assert source.manifest.layout == BODY19
        few, _ = without_small(source, {"train": 1, "val": 9})
        for one in (source, few):
            seen = viewed(one, lambda each: center_frames(each, 4))
            (batch,) = seen.clips("train", [[(0, 0), (9, 0)]])
            assert batch.joints_LMTVC.shape[2:] == (4, 19, 3)
        (alone,) = center_frames(source.sources[1], 4).clips("train", [[(0, 0)]])
        assert torch.equal(batch.joints_LMTVC[1], alone.joints_LMTVC[0])
        assert ["split.origin is every_frame" in line for line in notes(source, "body19")] == [True]


def test_other_layouts_are_refused_with_what_to_do(shards, tmp_path):
    other = named(tmp_path / "c", {}, dataset="c", layout=COCO17)
    with pytest.raises(RunError, match=r"a has the layout ntu25 and c coco17: .* --set augment.layout=standard19"):
        open_several([shards[0], other], layout=None, merge=False, balance=True)
    with pytest.raises(RunError, match="c: its joints cannot be mapped"):
        open_several([shards[0], other], layout="body19", merge=False, balance=True)


def test_several_sets_have_the_subsets_of_a_training(several):
    assert isinstance(several, Several)
    with pytest.raises(RunError, match="several sets are for training: no subset 'test'"):
        several.pool_sizes("test")


def test_nothing_stays_open(shards):
    source = open_several(shards, layout=None, merge=False, balance=True, mode="indexed")
    source.close()
    with pytest.raises(ValueError, match="the shards were closed"):
        source.clips("train", [[(0, 0)]])
