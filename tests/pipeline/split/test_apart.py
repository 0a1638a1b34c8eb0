"""Split by subject: nobody in two subsets, who is where follows from the seed, and what is left out is told."""

from dataclasses import replace

import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_reading import read_manifest, read_shard
from pipeline.split.run import split
from tests.oracles.hand_made import definition_of, moving_body, parsed_clip, tracks_of, write_table

CLASSES = (0, 1, 2, 5, 7)


def table(folder, rng, subjects):
    """Each class by each subject; class 7 is outside the split."""
    clips = [
        replace(parsed_clip(f"c{c}s{s}", c, tracks_of([moving_body(rng, 6)], 6)), subject=s)
        for c in CLASSES
        for s in subjects
    ]
    return write_table(folder, clips)


def people(out):
    """Subset -> who is in it."""
    subsets = read_manifest(out).subsets.items()
    return {
        subset: {
            clip.facts["subject"] for e in classes.values() for shard in e.shards for clip in read_shard(out, shard)
        }
        for subset, classes in subsets
    }


def test_nobody_is_in_two_subsets_and_shares_are_those_of_the_classes(tmp_path, rng):
    parsed = table(tmp_path / "parsed", rng, range(1, 9))
    summary = split(definition_of(by="subject"), parsed, tmp_path / "out")
    found = people(tmp_path / "out")
    assert {subset: len(of) for subset, of in found.items()} == {"train": 4, "val": 2, "test": 2}
    assert set.union(*found.values()) == set(range(1, 9))
    assert summary.clips == {"train": 8, "val": 2, "test": 2}
    assert summary.outside == 8
    told = [", ".join(map(str, sorted(found[subset]))) for subset in ("train", "val", "test")]
    assert summary.notes == (
        f"by subject: train {told[0]}; val {told[1]}; test {told[2]}; 20 clips left out, of a class of one subset by a"
        " subject of another",
    )
    assert read_manifest(tmp_path / "out").definition["split"]["by"] == "subject"
    others = [split(definition_of(by="subject", seed=seed), parsed, tmp_path / "other").notes for seed in range(4)]
    assert len(set(others)) > 1


def test_without_it_the_manifest_does_not_name_it(tmp_path, rng):
    split(definition_of(), table(tmp_path / "parsed", rng, (1, 2)), tmp_path / "out")
    assert "by" not in read_manifest(tmp_path / "out").definition["split"]


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        ((1, None, 3), r"split\.by: 4 clips do not say their subject, the first is c0sNone: name it in parse\.source"),
        ((1, 2), r"split\.by: 2 subjects cannot be in 3 subsets; leave split\.by out"),
    ],
)
def test_a_table_that_cannot_be_divided_is_refused_in_one_line(tmp_path, rng, subjects, said):
    with pytest.raises(DataError, match=said):
        split(definition_of(by="subject"), table(tmp_path / "parsed", rng, subjects), tmp_path / "out")


def test_given_examples_and_a_division_of_people_are_refused(tmp_path, rng):
    definition = definition_of(by="subject", exemplars=("c5s1",))
    with pytest.raises(DataError, match=r"split\.by: not with split\.exemplars"):
        split(definition, table(tmp_path / "parsed", rng, (1, 2, 3)), tmp_path / "out")
