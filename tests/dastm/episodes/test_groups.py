"""Groups: read from the clips' facts, apart in every episode, refused where a shard folder cannot give them."""

from collections import Counter

import numpy as np
import pytest

from dastm.contract.errors import RunError
from dastm.episodes.groups import (
    names_of,
    plan_by_group,
    plan_shown_by,
    plan_without,
    read_groups,
    short_of_halves,
    short_of_others,
)
from tests.shard_folder import make_shard_folder
from tests.toy import STICK

UNEVEN = {3: (1, 2, 3, 4) * 3, 5: (1, 1, 1, 1, 2, 2, 2, 2), 8: (3, 3, 3, 3), 9: (1, 2, 3, 4, 4)}
"""Class 8 has one subject only."""


def folder(path, **options):
    sizes = {"train": {0: 2}, "test": {3: 5, 4: 7}}
    return make_shard_folder(path, parts=sizes, rng=np.random.default_rng(0), layout=STICK, **options)


def who(groups, plan, side):
    return {groups[c][i] for c, row in zip(plan.class_ids, side, strict=True) for i in row}


def test_groups_are_those_of_the_clips_in_the_order_of_the_pool(tmp_path):
    manifest = folder(tmp_path, subjects=(7, 2, 5), clips_per_shard=2)
    assert read_groups(str(tmp_path), manifest, "test", "subject") == {3: (7, 2, 5, 7, 2), 4: (7, 2, 5, 7, 2, 5, 7)}


@pytest.mark.parametrize(
    ("subjects", "by", "said"),
    [
        ((1, None), "subject", "toy: test: 5 of 12 clips do not say their subject: name it in parse.source.pattern"),
        ((1, 2), "camera", r"12 of 12 clips do not say their camera: .* as \(\?P<camera>\.\.\), then run"),
        ((4,), "subject", "toy: test: all clips are of one subject, so no other is left to test on"),
        ((1, -2), "subject", "5 of 12 clips do not say their subject"),
    ],
)
def test_shards_that_do_not_tell_people_apart_are_refused_in_one_line(tmp_path, subjects, by, said):
    manifest = folder(tmp_path, subjects=subjects)
    with pytest.raises(RunError, match=said) as caught:
        read_groups(str(tmp_path), manifest, "test", by)
    assert "\n" not in str(caught.value)


def test_shards_behind_a_url_are_refused_in_one_line(tmp_path):
    manifest = folder(tmp_path, subjects=(1, 2))
    with pytest.raises(RunError, match="by subject needs a local folder"):
        read_groups("http://host/shards", manifest, "test", "subject")


def test_no_subject_of_a_query_shows_an_example_of_any_class():
    shape = {"n_way": 3, "k_shot": 2, "n_query": 2, "seed": 4, "epoch": 0}
    drawn: Counter[int] = Counter()
    for number in range(40):
        plan = plan_by_group(UNEVEN, number=number, **shape)
        assert plan == plan_by_group(UNEVEN, number=number, **shape)
        assert not who(UNEVEN, plan, plan.support) & who(UNEVEN, plan, plan.query)
        assert [len(set(row)) for row in (*plan.support, *plan.query)] == [2] * 6
        drawn.update(plan.class_ids)
    assert sorted(drawn) == [3, 5, 9]
    assert plan != plan_by_group(UNEVEN, number=39, **{**shape, "seed": 5})


def test_unknown_classes_have_queries_of_the_same_side_and_no_examples():
    plan = plan_by_group(UNEVEN, n_way=2, n_unknown=1, k_shot=1, n_query=2, seed=0, epoch=0, number=0)
    assert [len(row) for row in plan.support] == [1, 1, 0]
    assert [len(row) for row in plan.query] == [2, 2, 2]
    assert not who(UNEVEN, plan, plan.support) & who(UNEVEN, plan, plan.query)


def test_classes_with_too_few_on_either_side_are_named_with_what_they_have():
    assert short_of_halves(UNEVEN, 2, 2) == {8: "4 clips of 1 (3), an episode needs 2 of some and 2 of others"}
    assert sorted(short_of_halves(UNEVEN, 4, 4)) == [8, 9]
    assert short_of_others(UNEVEN, 3) == {8: "4 clips of 1 (3), one left out leaves 0 of 3 examples"}
    assert short_of_others(UNEVEN, 5)[5] == "8 clips of 2 (1, 2), one left out leaves 4 of 5 examples"


def test_classes_that_never_meet_in_one_division_are_refused_in_one_line():
    circle = {0: (1, 2), 1: (2, 3), 2: (3, 1)}
    assert short_of_halves(circle, 1, 1) == {}
    with pytest.raises(RunError, match="never 3 classes had 1 clips in one and 1 in the other: lower --n-way"):
        plan_by_group(circle, n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, number=0)


def test_examples_are_all_of_one_person_and_queries_all_of_the_others():
    plan = plan_shown_by({3: (1, 2, 1), 5: (2, 2, 1)}, 1)
    assert plan.class_ids == (3, 5)
    assert plan.support == ((0, 2), (2,))
    assert plan.query == ((1,), (0, 1))


def test_one_left_out_is_asked_all_its_clips_with_examples_of_all_others():
    groups = {c: of for c, of in UNEVEN.items() if c != 8}
    assert names_of(groups) == [1, 2, 3, 4]
    plan = plan_without(groups, 3, k_shot=2, seed=0, draw=1)
    assert plan.class_ids == (3, 5, 9)
    assert plan.query == ((2, 6, 10), (), (2,))
    assert 3 not in who(groups, plan, plan.support)
    assert [len(set(row)) for row in plan.support] == [2, 2, 2]
    others = [
        plan_without(groups, *which, k_shot=2, seed=seed, draw=draw) for *which, seed, draw in [(3, 0, 2), (3, 1, 1)]
    ]
    assert all(other.support != plan.support for other in others)
    more = plan_without(groups, 3, k_shot=3, seed=0, draw=1)
    assert more.query == plan.query
