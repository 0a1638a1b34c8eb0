"""Show it an action, and from then on it knows it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import dastm
from dastm.contract.errors import RunError
from dastm.contract.layouts import layout_of
from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser.encoder import Features, joined, load_encoder, usual_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.overview import leave_one_out, leave_one_person_out, overview_lines, short_lines
from dastm.recogniser.recogniser import ActionRecogniser
from tests.actions import clip_of, joints_of
from tests.dastm.recogniser.conftest import ACTIONS


def test_what_was_shown_is_recognised_in_other_clips(recogniser):
    clips = [clip_of(action, seed) for action in ACTIONS for seed in (7, 8)]
    assert [found.action for found in recogniser.predict(clips)] == [a for a in ACTIONS for _ in range(2)]


def test_an_action_is_known_once_it_is_enrolled_and_no_more_when_it_is_removed(recogniser):
    bow = clip_of("bow", 5)
    recogniser.enrol("bow", [clip_of("bow", 0)])
    assert recogniser.actions == (*ACTIONS, "bow")
    assert recogniser.predict(bow).action == "bow"
    assert recogniser.remove("bow") == 1
    assert "bow" not in [c.action for c in recogniser.predict(bow).top()]


def test_a_single_example_can_be_removed_by_its_key(recogniser):
    assert recogniser.remove(key="wave_1") == 1
    assert [e.name for e in recogniser.examples].count("wave_1") == 0
    assert recogniser.actions == ACTIONS


@pytest.mark.parametrize(
    ("wanted", "there"),
    [({"action": "fly"}, "wave, push, kick"), ({"key": "fly_0"}, "wave_0, wave_1"), ({}, "wave, push, kick")],
)
def test_removing_what_is_not_there_names_what_is(recogniser, wanted, there):
    with pytest.raises(ValueError, match=f"there are: {there}"):
        recogniser.remove(**wanted)


def test_an_action_is_removed_by_the_name_that_it_was_enrolled_by(recogniser):
    name = " e\u0301lan "
    recogniser.enrol(name, [clip_of("bow", 0)])
    assert recogniser.remove(name) == 1


def test_an_array_may_be_used_again_after_it_was_enrolled(recogniser, tmp_path):
    bow, again = clip_of("bow", 0), clip_of("bow", 5)
    for number, given in enumerate((bow.joints_TVC.copy(), replace(bow, joints_TVC=bow.joints_TVC.copy()))):
        recogniser.enrol(f"bow {number}", [given])
        joints_TVC = given if isinstance(given, np.ndarray) else given.joints_TVC
        joints_TVC[:] = clip_of("kick", 9).joints_TVC
        assert recogniser.predict(again).action == f"bow {number}"
        recogniser.save(tmp_path / f"{number}.dastm")
        assert dastm.load(tmp_path / f"{number}.dastm").predict(again).action == f"bow {number}"
        recogniser.remove(f"bow {number}")


def test_removing_and_enrolling_again_gives_the_same_distances(recogniser, shown):
    before = recogniser.predict(clip_of("kick", 4))
    recogniser.remove("kick")
    recogniser.add([example for example in shown if example.action == "kick"])
    after = recogniser.predict(clip_of("kick", 4))
    assert after.decision.candidates[0].distance == pytest.approx(before.distance, abs=1e-6)


def test_arrays_take_the_layout_of_the_examples(recogniser, rng):
    found = recogniser.predict(joints_of("push", rng))
    assert (found.action, found.key, found.body) == ("push", "clip", 0)
    assert [p.action for p in recogniser.predict([joints_of("wave", rng), clip_of("kick", 3)])] == ["wave", "kick"]


def test_arrays_without_a_layout_are_refused_while_nothing_is_enrolled(encoder, rng):
    with pytest.raises(ValueError, match="give layout="):
        ActionRecogniser(encoder).enrol("wave", [joints_of("wave", rng)])
    with pytest.raises(ValueError, match="no layout 'ntu26'; there are: ntu25"):
        ActionRecogniser(encoder).enrol("wave", [joints_of("wave", rng)], layout="ntu26")


def test_nothing_is_predicted_before_anything_is_enrolled(encoder, shown):
    with pytest.raises(ValueError, match="nothing is enrolled yet"):
        ActionRecogniser(encoder).predict(clip_of("wave"))
    other = Example(action=None, clip=clip_of("bow"), added="2026-11-28")
    with pytest.raises(ValueError, match="nothing is enrolled yet"):
        ActionRecogniser(encoder, [other]).predict(clip_of("wave"))


def test_predictions_do_not_depend_on_what_else_is_asked_nor_on_the_order(recogniser):
    clips = [clip_of(action, seed) for seed in range(30) for action in ACTIONS]
    together = recogniser.predict(clips)
    assert [p.action for p in together] == [p.action for p in recogniser.predict(clips[::-1])][::-1]
    for number in (0, 63, 64, 89):
        alone = recogniser.predict(clips[number])
        assert alone.distance == pytest.approx(together[number].distance, abs=1e-5)
        assert alone.score == pytest.approx(together[number].score, abs=1e-5)


def test_many_clips_are_predicted_without_being_held(recogniser):
    asked = []

    def clips():
        for seed in range(130):
            asked.append(seed)
            yield clip_of("wave", seed, n_frames=10)

    first = next(recogniser.predict_each(clips()))
    assert first.action is not None or first.decision.novelty > 1
    assert len(asked) == 64


def test_candidates_are_all_actions_the_nearest_first_and_scores_add_up(recogniser):
    found = recogniser.predict(clip_of("wave", 6))
    candidates = found.decision.candidates
    assert sorted(c.action for c in candidates) == sorted(ACTIONS)
    assert [c.distance for c in candidates] == sorted(c.distance for c in candidates)
    assert 0 < sum(c.score for c in candidates) <= 1 + 1e-6
    assert found.margin == pytest.approx(candidates[1].distance - candidates[0].distance)
    assert recogniser.examples[0].action == "wave"
    document = found.to_dict(2)
    assert list(document) == ["source", "key", "body", "action", "score", "distance", "margin", "top"]
    assert [row["action"] for row in document["top"]] == [c.action for c in candidates[:2]]


def test_a_single_action_has_no_margin(encoder, shown):
    found = ActionRecogniser(encoder, shown[:2]).predict(clip_of("wave", 3))
    assert math.isinf(found.margin)
    assert found.to_dict()["margin"] is None


def test_a_clip_unlike_all_examples_is_none_of_these(recogniser):
    found = recogniser.predict(clip_of("bow", 1))
    assert found.action is None
    assert found.decision.novelty > 1


def test_negatives_are_no_action(recogniser):
    recogniser.enrol(None, [clip_of("bow", 0)])
    assert recogniser.actions == ACTIONS
    assert recogniser.predict(clip_of("bow", 2)).action is None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 121])
def test_an_action_has_a_name_of_one_line(recogniser, name):
    with pytest.raises(ValueError, match="the name of an action"):
        recogniser.enrol(name, [clip_of("wave", 9)])


def test_names_are_kept_without_spaces_around_them_and_composed(recogniser):
    recogniser.enrol(" cafe\u0301 ", [clip_of("bow", 9)])
    assert recogniser.actions[-1] == "caf\u00e9"


def test_the_same_clip_is_no_second_example_and_no_example_of_another_action(recogniser):
    recogniser.enrol("wave", [clip_of("wave", 0)])
    assert len(recogniser.examples) == 6
    with pytest.raises(ValueError, match=r"wave/0.npy is to show 'kick', and wave/0.npy with the same joints 'wave'"):
        recogniser.enrol("kick", [clip_of("wave", 0)])
    assert len(recogniser.examples) == 6


@pytest.mark.parametrize(("n_frames", "why"), [(3, "an action needs at least 4"), (3001, "cut it out")])
def test_an_example_is_neither_a_glance_nor_a_whole_recording(recogniser, n_frames, why):
    with pytest.raises(ValueError, match=why):
        recogniser.enrol("wave", [clip_of("wave", 9, n_frames=n_frames)])
    assert len(recogniser.examples) == 6


def test_other_skeletons_are_compared_by_their_common_joints(encoder):
    recogniser = ActionRecogniser.new(layout="coco17")
    assert recogniser.encoder.name == "motion2d"
    for action in ACTIONS:
        recogniser.enrol(action, [clip_of(action, 0, COCO17)])
    assert recogniser.predict([clip_of(a, 3, COCO17) for a in ACTIONS])[2].decision.candidates[0].action == "kick"
    with pytest.raises(ValueError, match=r"a 3-D skeleton .ntu25., and the encoder knows a pose in an image"):
        recogniser.predict(clip_of("wave", 0, NTU25))


def test_an_encoder_is_needed_or_the_layout_that_tells_which():
    with pytest.raises(ValueError, match="name an encoder, or the layout"):
        ActionRecogniser.new()
    assert usual_encoder(NTU25) == "motion3d"
    with pytest.raises(ValueError, match=r"has none.*snout.*only know human skeletons.*dastm-data init"):
        usual_encoder(layout_of("mouse", ["snout", "tail"], image=True))


def test_a_run_that_knows_no_common_layout_is_refused(tmp_path):
    from tests.toy import tiny, toy_shards, train_toy

    train_toy(toy_shards(tmp_path / "shards"), tmp_path / "run", tiny(optimise__epochs=1))
    with pytest.raises(RunError, match=r"knows no common layout.*augment.layout=standard19"):
        load_encoder(tmp_path / "run")


def test_features_are_joined_and_taken_apart(encoder):
    features = encoder.encode([clip_of(action) for action in ACTIONS])
    parts = [features.at([0]), features.at([1, 2])]
    whole = joined(parts)
    assert isinstance(whole, Features)
    assert len(whole) == 3
    assert torch.equal(whole.values_LTVD, features.values_LTVD)
    assert np.array_equal(whole.frames_LF, features.frames_LF)
    with pytest.raises(ValueError, match="no clip"):
        joined([])
    assert encoder.distances(features.at([]), features).shape == (0, 3)


def test_distances_are_those_of_an_evaluation(encoder):
    """The nearest example's distance, as `dastm eval` has it for the same clips."""
    from dastm.episodes.collate import labels
    from dastm.episodes.episode import Episode, EpisodePlan
    from dastm.recogniser.preparation import prepare

    examples, queries = [clip_of(a, 0) for a in ACTIONS], [clip_of(a, 1) for a in ACTIONS]
    rows = tuple((number,) for number in range(3))
    episode = Episode(
        plan=EpisodePlan(class_ids=(0, 1, 2), support=rows, query=rows),
        support=prepare(examples, encoder.preparation).batch,
        query=prepare(queries, encoder.preparation).batch,
        support_labels=labels(rows),
        query_labels=labels(rows),
    )
    with torch.inference_mode():
        expected = encoder.model.episode_distances(episode)
    found = encoder.distances(encoder.encode(queries), encoder.encode(examples))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


def test_each_example_is_judged_by_the_others(recogniser):
    tested = leave_one_out(recogniser)
    assert len(tested) == 6
    assert all(one.is_right for one in tested)
    recogniser.enrol("wave", [clip_of("kick", 5)])
    odd = [(one.key, one.nearest) for one in leave_one_out(recogniser) if not one.is_right]
    assert ("kick_5", "kick") in odd
    for place, one in enumerate(leave_one_out(recogniser)):
        others = [example for number, example in enumerate(recogniser.examples) if number != place]
        without = ActionRecogniser(recogniser.encoder, others)
        assert without.predict(recogniser.examples[place].clip).decision.candidates[0].action == one.nearest
    assert any("kick_5 (wave) looks like kick" in line for line in short_lines(recogniser))


def test_the_overview_has_a_line_an_action_and_on_request_an_example(recogniser):
    recogniser.enrol(None, [clip_of("bow", 0)])
    text = "\n".join(overview_lines(recogniser, each=True))
    assert "3 actions, 6 examples, 1 of none of them; encoder motion3d" in text
    assert "each example judged by the others: 6 of 6 right" in text
    assert "wave_0: wave; wave/0.npy; 40 frames, 1.3 s; added 2026-11-28" in text
    assert "bow_0: none of the actions" in text
    assert len(overview_lines(recogniser)) < len(overview_lines(recogniser, each=True))


def of_people(shown, subjects):
    """The same examples, done by these people."""
    return [replace(e, clip=replace(e.clip, subject=who)) for e, who in zip(shown, subjects, strict=True)]


def test_each_example_is_judged_by_those_of_other_people(encoder, shown):
    told = ActionRecogniser(encoder, of_people(shown, [1, 2, 1, 2, 7, 7]))
    assert [(one.key, one.subject, one.is_right) for one in leave_one_person_out(told)] == [
        ("wave_0", 1, True), ("wave_1", 2, True), ("push_0", 1, True), ("push_1", 2, True),
    ]  # fmt: skip
    text = "\n".join(overview_lines(told, each=True))
    assert "each example judged by other people's alone: 4 of 4 right" in text
    assert "     2         2                          2 of 2" in text
    assert "wave_0: wave; person 1; wave/0.npy" in text
    told.enrol("wave", [replace(clip_of("kick", 5), subject=1)])
    assert "other people's alone: 4 of 5 right" in "\n".join(short_lines(told))


@pytest.mark.parametrize("subjects", [[1, 2, 1, None, 1, 2], [3] * 6, [1, 1, 2, 2, 3, 3]])
def test_nothing_is_said_of_people_where_it_cannot_be_known(encoder, shown, subjects):
    told = ActionRecogniser(encoder, of_people(shown, subjects))
    assert leave_one_person_out(told) == []
    assert "people" not in "\n".join(overview_lines(told))


def test_the_overview_of_one_action_with_one_example_says_what_it_can(encoder, shown):
    text = "\n".join(overview_lines(ActionRecogniser(encoder, shown[:1])))
    assert "1 action, 1 example;" in text
    assert "judged by the others" not in text


def test_a_clip_in_which_nothing_moves_is_no_example(recogniser):
    still = clip_of("wave", 9).joints_TVC[:1].repeat(20, axis=0)
    with pytest.raises(ValueError, match="nothing moves in it"):
        recogniser.enrol("stand", [still])
    assert len(recogniser.examples) == 6


def test_a_glance_is_neither_predicted_nor_explained(recogniser):
    short = clip_of("wave", 7, n_frames=3)
    for ask in (recogniser.predict, recogniser.explain):
        with pytest.raises(ValueError, match="3 frames, an action needs at least 4"):
            ask(short)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda known, joints: known.enrol("Other", [joints]), "'Other' stands for clips of none of the actions"),
        (lambda known, joints: known.enrol("wave", []), "no clip to enrol as 'wave'"),
        (lambda known, joints: known.enrol("wave", [joints], fps=-3), "fps: a number above 0, got -3"),
        (lambda known, joints: known.predict(joints, fps=math.nan), "fps: a number above 0, got nan"),
        (lambda known, joints: known.predict("wave.npy"), "predict takes a list of arrays .*, got 'wave.npy'"),
        (lambda known, joints: known.predict(None), "predict takes a list of arrays .*, got None"),
        (lambda known, joints: known.predict(["a.npy"]), "clips are arrays or `dastm.Clip`s, got 'a.npy'"),
        (lambda known, joints: known.enrol("wave", ["a.npy"]), "clips are arrays or `dastm.Clip`s, got 'a.npy'"),
        (lambda known, joints: known.enrol("wave", clip_of("wave", 7)), "enrol takes a list of arrays"),
        (
            lambda known, joints: known.add([Example(action="OTHER", clip=clip_of("wave", 7), added="2026-11-30")]),
            "'OTHER' stands for clips of none of the actions",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(recogniser, ask, said):
    with pytest.raises(ValueError, match=said):
        ask(recogniser, clip_of("wave", 7).joints_TVC)


def test_examples_may_come_one_after_the_other(recogniser):
    recogniser.enrol("wave", (clip_of("wave", seed).joints_TVC for seed in (8, 9)))
    assert [e.action for e in recogniser.examples].count("wave") == 4


def test_a_recogniser_shows_what_it_is(recogniser):
    assert repr(recogniser) == "<ActionRecogniser: 3 actions, 6 examples, encoder motion3d>"


def test_nothing_is_said_of_telling_a_single_action_apart(encoder, shown):
    lines = short_lines(ActionRecogniser(encoder, shown[:2]))
    assert lines == ["1 action, 2 examples; encoder motion3d"]


def test_arrays_may_have_any_known_layout(encoder):
    known, layout = ActionRecogniser(encoder), dastm.LAYOUTS["florence15"]
    for action in ACTIONS:
        known.enrol(action, [clip_of(action, seed, layout).joints_TVC for seed in (0, 1)], layout="florence15")
    assert known.predict(clip_of("kick", 7, layout).joints_TVC).action == "kick"
    with pytest.raises(ValueError, match="no layout 'kinect21'; there are: ntu25, "):
        known.predict(clip_of("kick", 7, layout).joints_TVC, layout="kinect21")


def test_lists_and_tensors_are_clips_as_arrays_are(recogniser):
    joints = clip_of("wave", 9).joints_TVC
    expected = recogniser.predict(joints).decision
    for given in (joints.tolist(), torch.from_numpy(joints), np.asfortranarray(joints), np.ma.masked_array(joints)):
        assert recogniser.predict(given).decision == expected
        assert recogniser.predict([given])[0].decision == expected


def test_what_is_masked_was_not_measured(recogniser):
    joints = clip_of("wave", 9).joints_TVC.copy()
    mask = np.zeros(joints.shape, dtype=bool)
    mask[10:20, 4] = True
    wrong = np.where(mask, 50.0, joints)
    measured = recogniser.predict(np.where(mask, np.nan, joints)).decision
    assert recogniser.predict(np.ma.masked_array(wrong, mask=mask)).decision == measured
    assert recogniser.predict(wrong).decision != measured


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda r, x: r.enrol("a", x), r"enrol takes a list of arrays \(T, V, C\), got one; put it into a list"),
        (lambda r, x: r.enrol(3, [x]), "the name of an action is a text, got 3"),
        (lambda r, x: r.predict(x, fps="30"), "fps: a number above 0, got '30'"),
        (lambda r, x: r.predict(x * 1j), "complex"),
        (lambda r, x: r.predict([torch.from_numpy(x).requires_grad_()]), "no array of numbers"),
        (lambda r, x: r.predict([[["a"]]]), "no array of numbers"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_line(recogniser, given, said):
    with pytest.raises(ValueError, match=said):
        given(recogniser, clip_of("wave", 9).joints_TVC)


def test_other_stands_for_all_examples_of_no_action(recogniser):
    recogniser.enrol(None, [clip_of("bow", seed) for seed in range(2)])
    n_others = sum(example.action is None for example in recogniser.examples)
    assert n_others >= 2
    assert recogniser.remove("Other") == n_others
    assert all(example.action is not None for example in recogniser.examples)
