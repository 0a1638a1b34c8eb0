"""Each check: a clip with just its fault, and one at the limit that has it not. Two people who sway raise no doubt."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25, OPENPOSE18, Layout
from pipeline.doctor import checks
from pipeline.doctor.limits import Limits
from pipeline.doctor.observed import lay_out
from tests.pipeline.doctor.made_clips import STANDING_V3, film, laid_out, person, tracks, with_scores

pytestmark = pytest.mark.kernel


def doubts(clip, **limits):
    return checks.examine(clip, Limits(**limits))


def only(clip, **limits):
    """The one doubt that a clip raises."""
    (doubt,) = doubts(clip, **limits)
    return doubt


def test_people_raise_no_doubt(rng):
    assert doubts(laid_out(person(rng))) == []
    assert doubts(laid_out(person(rng), person(rng, shift=(1.0, 0.0, 0.3)))) == []
    assert doubts(laid_out(film(rng), film(rng))) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_with_its_frame(rng, value):
    body = person(rng)
    body[7, 3, 1] = value
    assert only(laid_out(body)) == ("not_finite", "NaN or infinity in 1 observation", 7)


def test_a_confidence_that_is_not_finite_is_found(rng):
    clip = tracks(film(rng))
    clip.scores_PV[[5, 9], 2] = np.nan
    found = only(lay_out(clip, OPENPOSE18))
    assert found == ("not_finite", "NaN or infinity in 2 observations", 5)


def test_a_clip_of_zeros_shows_nothing():
    assert only(laid_out(np.zeros((12, 25, 3)))) == ("nothing_measured", "not one measured joint in 12 frames", None)
    unseen = with_scores(tracks(np.full((12, 18, 2), 0.5)), np.zeros((12, 18)))
    assert [doubt.check for doubt in doubts(lay_out(unseen, OPENPOSE18))] == ["nothing_measured"]


def test_bodies_that_are_a_point_in_every_frame_are_found():
    walk_TVC = np.repeat(np.linspace(0.1, 0.4, 6)[:, None, None], 25, axis=1) * np.ones(3)
    assert doubts(laid_out(walk_TVC))[0] == ("point", "all joints of a body in one point, in 6 frames", None)
    walk_TVC[3, 7, 1] += 0.01
    assert "point" not in [doubt.check for doubt in doubts(laid_out(walk_TVC))]


def test_a_joint_that_is_zero_for_long_is_named(rng):
    body = person(rng)
    body[:11, 24] = 0.0
    what = "joint 'right thumb' is lost in 28% of the main body's frames"
    assert only(laid_out(body)) == ("zero_joints", what, None)
    body[:, 7] = 0.0
    assert only(laid_out(body)).what.startswith("joint 'left hand' (and 1 more) is lost in 100%")
    body = person(rng)
    body[:10, 24] = 0.0
    assert doubts(laid_out(body)) == []


def test_a_joint_that_is_at_the_origin_in_nearly_all_frames_is_named(rng):
    body = person(rng)
    body -= body[:, :1]
    clip = tracks(body + 1.0)
    clip = replace(clip, joints_PVC=body.astype(np.float32))
    what = "joint 'hip centre' is (0, 0, 0) in 100% of the main body's frames"
    assert only(lay_out(clip, NTU25)) == ("at_origin", what, None)
    clip.joints_PVC[:, 1] = 0.0
    assert "joint 'hip centre' (and 1 more) is" in doubts(lay_out(clip, NTU25))[0].what
    body[:5] += 0.01
    found = only(lay_out(replace(clip, joints_PVC=body.astype(np.float32)), NTU25))
    assert "'hip centre' is (0, 0, 0) in 88% of the main body's frames only" in found.what


@pytest.mark.parametrize(("n_zero", "told"), [(1, False), (2, True), (20, True)])
def test_a_joint_that_is_measured_at_the_origin_at_times_was_most_likely_lost(rng, n_zero, told):
    body = person(rng)
    body[:n_zero, 7] = 0.0
    found = doubts(lay_out(replace(tracks(person(rng)), joints_PVC=body.astype(np.float32)), NTU25))
    share = f"{n_zero / len(body):.0%}"
    what = f"joint 'left hand' is (0, 0, 0) in {share} of the main body's frames only: lost there, most likely"
    assert [doubt.what for doubt in found if doubt.check == "at_origin"] == told * [
        f"{what} (parse.zero_joints: missing)"
    ]


def test_a_joint_of_a_film_that_is_found_at_the_origin_is_named(rng):
    body = film(rng)
    body[:, 4] = 0.0
    body[:10, 7] = 0.0
    clip = with_scores(replace(tracks(film(rng)), joints_PVC=body.astype(np.float32)), np.ones((40, 18)))
    found = [doubt.what for doubt in doubts(lay_out(clip, OPENPOSE18)) if doubt.check == "at_origin"]
    assert found == [
        "joint 'left wrist' is (0, 0) in 25% of the main body's frames only: lost there, most likely"
        " (parse.zero_joints: missing)",
        "joint 'right wrist' is (0, 0) in 100% of the main body's frames",
    ]


def test_joints_that_no_frame_finds_are_counted_in_a_film(rng):
    scores_PV = np.ones((40, 18))
    scores_PV[:, 8:] = 0.0
    found = only(lay_out(with_scores(tracks(film(rng)), scores_PV), OPENPOSE18))
    assert found == ("zero_joints", "56% of the main body's joints are never found", None)
    scores_PV[3, 17] = 0.1
    assert doubts(lay_out(with_scores(tracks(film(rng)), scores_PV), OPENPOSE18)) == []


def test_a_frozen_tail_begins_with_the_first_frame_that_repeats(rng):
    body = person(rng)
    body[30:] = body[29]
    what = "frozen: the last 10 frames repeat one (40 frames)"
    assert only(laid_out(body)) == ("frozen_tail", what, 30)
    body[30] += 1e-3
    assert doubts(laid_out(body)) == []
    assert only(laid_out(body), frozen_frames=8).frame == 32


def test_a_clip_that_is_one_frame_is_frozen_as_a_whole(rng):
    still = np.repeat(person(rng, 1), 20, axis=0)
    assert only(laid_out(still)).what == "frozen: all frames are the same (20 frames)"


def test_frozen_means_every_body_and_no_new_one(rng):
    still = np.repeat(person(rng, 1), 40, axis=0)
    assert doubts(laid_out(still, person(rng, shift=(1.0, 0.0, 0.0)))) == []
    other = np.repeat(person(rng, 1, shift=(1.0, 0.0, 0.0)), 15, axis=0)
    found = only(laid_out(still, other, starts=[0, 25]))
    assert found.what == "frozen: the last 14 frames repeat one (40 frames)"


def test_a_body_that_comes_back_in_the_same_place_has_not_repeated_a_frame(rng):
    body = np.repeat(person(rng, 1), 20, axis=0)
    bodies = laid_out(body)
    gappy = replace(bodies.tracks, frame_index=np.arange(0, 40, 2, dtype=np.int32), frames=39)
    assert doubts(lay_out(gappy, NTU25)) == []


def test_empty_frames_count_from_half_the_clip_on(rng):
    assert only(laid_out(person(rng), frames=81)) == ("empty_frames", "41 of 81 frames show nobody", None)
    assert doubts(laid_out(person(rng), frames=80)) == []
    assert doubts(laid_out(person(rng), frames=81), empty_share=0.6) == []


def test_frames_of_zeros_are_empty_ones(rng):
    body = np.concatenate([person(rng, 20), np.zeros((21, 25, 3))])
    assert [doubt.check for doubt in doubts(laid_out(body))] == ["zero_joints", "empty_frames"]


def test_a_clip_of_few_frames_is_short(rng):
    assert only(laid_out(person(rng, 4))) == ("short", "only 4 frames with a body", None)
    assert only(laid_out(person(rng, 1))).what == "only 1 frame with a body"
    assert doubts(laid_out(person(rng, 5))) == []


def test_more_bodies_than_two_are_counted_at_once_or_in_all(rng):
    three = [person(rng, shift=(x, 0.0, 0.0)) for x in (0.0, 1.0, 2.0)]
    assert only(laid_out(*three, starts=[0, 0, 3])) == ("many_bodies", "3 bodies at once", 3)
    in_turn = [three[0][:14], three[1][14:27], three[2][27:]]
    what = "3 body ids, at most 1 body at once"
    assert only(laid_out(*in_turn, starts=[0, 14, 27])) == ("many_bodies", what, None)
    assert doubts(laid_out(*three), bodies=3) == []


def test_a_body_that_jumps_is_found_with_its_frame(rng):
    body = person(rng)
    body[20:] += (0.7, 0.0, 0.0)
    found = only(laid_out(body))
    assert found.check == "jump"
    assert found.frame == 20
    assert found.what.startswith("a body jumps 0.68")
    assert doubts(laid_out(body), jump_body=0.8) == []


def test_a_joint_that_jumps_alone_is_named(rng):
    body = person(rng)
    body[20, 23] += (0.0, 1.6, 0.0)
    found = only(laid_out(body))
    assert found.what.startswith("joint 'right hand tip' jumps 1.6")
    assert found.frame in (20, 21)
    body[20, 23] -= (0.0, 0.2, 0.0)
    assert doubts(laid_out(body)) == []


def test_where_a_body_was_away_or_a_joint_not_measured_there_is_no_jump(rng):
    body = person(rng)
    body[20, 23] = 0.0
    assert doubts(laid_out(body)) == []
    far_off = replace(
        tracks(person(rng)), frame_index=np.r_[np.arange(20), np.arange(21, 41)].astype(np.int32), frames=41
    )
    far_off.joints_PVC[20:] += np.float32(0.9)
    assert doubts(lay_out(far_off, NTU25)) == []


def test_people_in_a_films_list_may_change_places(rng):
    first, second = film(rng), film(rng) + 0.2
    assert doubts(laid_out(np.concatenate([first[:20], second[20:]]), np.concatenate([second[:20], first[20:]]))) == []


@pytest.mark.parametrize(("factor", "what"), [(1000.0, "is 4"), (3.0, "is 1.2 m long"), (0.01, "the longest bone, ")])
def test_bones_that_no_person_has_are_named(rng, factor, what):
    found = doubts(laid_out(person(rng) * factor), jump_body=1e9, jump_joint=1e9, far=1e9)
    assert [doubt.check for doubt in found] == ["bones"]
    assert what in found[0].what


def test_a_bone_that_changes_its_length_is_named_with_the_first_frame(rng):
    body = person(rng)
    body[5:16, 10] += (0.3, 0.0, 0.0)
    found = only(laid_out(body))
    assert found.check == "bones"
    assert found.frame == 5
    assert found.what.startswith("bone 'right wrist - right hand' of 0.08")
    assert found.what.endswith("is longer or shorter in 28% of frames")
    body[5, 10] -= (0.3, 0.0, 0.0)
    assert doubts(laid_out(body)) == []


def test_a_skeleton_that_is_not_known_has_no_bones_to_look_at(rng):
    assert doubts(lay_out(tracks(person(rng) * 3), None), jump_body=9, jump_joint=9) == []
    body = person(rng)
    body[:, 4] = 0.0
    assert doubts(lay_out(tracks(body), None))[0].what.startswith("joint 4 is lost")


def test_a_single_joint_has_no_bones(rng):
    point = Layout(name="point", joints=("tag",), bones=())
    assert doubts(lay_out(tracks(person(rng)[:, :1]), point)) == []


def test_joints_where_no_camera_sees_are_found(rng):
    found = only(laid_out(person(rng, shift=(0.0, 0.0, 40.0))))
    assert found.check == "far"
    assert found.what.startswith("a coordinate of 43")
    pixels = only(laid_out(film(rng) * 340))
    assert pixels.what.startswith("joints outside the image, coordinates from ")
    assert doubts(laid_out(film(rng) + 0.7)) == []


@pytest.mark.parametrize(("score", "what"), [(-0.5, "from -0.5 to 0.8"), (60.0, "from 0.8 to 60")])
def test_confidences_that_are_none_are_found(rng, score, what):
    clip = tracks(film(rng))
    clip.scores_PV[12, 0] = score
    assert only(lay_out(clip, OPENPOSE18)) == ("far", f"confidences {what}", 12)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda body: body[:10], "is seen in 10 frames only"),
        (lambda body: STANDING_V3 + (body - STANDING_V3) - 0.8 * (STANDING_V3 - STANDING_V3[0]), "is crumpled"),
        (lambda body: body[..., [1, 0, 2]], "is wider (1.7"),
    ],
    ids=["brief", "crumpled", "lying"],
)
def test_a_second_body_that_is_no_person_is_a_ghost(rng, change, what):
    other = change(person(rng, shift=(1.0, 0.0, 0.0)))
    main = person(rng) + np.linspace(0, 3, 40)[:, None, None] * (1.0, 0.0, 0.0)
    found = only(laid_out(main, other, starts=[0, 3]))
    assert found.check == "ghost"
    assert found.frame == 3
    assert found.what.startswith(f"body 71 {what}")


def test_a_second_person_who_crouches_is_no_ghost(rng):
    crouched = person(rng, shift=(1.0, 0.0, 0.0)) - 0.5 * (STANDING_V3 - STANDING_V3[0])
    assert doubts(laid_out(person(rng), crouched)) == []


def test_a_person_under_a_new_id_is_no_ghost_but_told(rng):
    body = person(rng)
    found = only(laid_out(body[:34], body[36:], starts=[0, 36]))
    assert found == ("new_id", "body 70 seems to go on as body 71", 36)
    assert doubts(laid_out(body[:20], body[31:], starts=[0, 31])) == []
    assert doubts(laid_out(body[:20], body[20:] + np.array((0.5, 0.0, 0.0)), starts=[0, 20])) == []
    assert [doubt.check for doubt in doubts(laid_out(body, body[30:], starts=[0, 30]))] == ["ghost"]


def test_ids_of_which_one_shows_nothing_are_not_compared(rng):
    body = person(rng)
    body[20:] = 0.0
    assert "new_id" not in [doubt.check for doubt in doubts(laid_out(body[:20], body[20:], starts=[0, 20]))]


def test_a_body_that_is_there_for_half_of_a_short_clip_is_no_ghost(rng):
    assert doubts(laid_out(person(rng, 9), person(rng, 5, shift=(1.0, 0.0, 0.0)))) == []


def test_a_second_body_without_a_measured_joint_is_no_ghost(rng):
    assert doubts(laid_out(person(rng), np.zeros((5, 25, 3)))) == []


def test_work_does_not_grow_with_the_frames_that_a_clip_claims(rng):
    found = doubts(laid_out(person(rng), frames=100_000))
    assert [doubt.check for doubt in found] == ["empty_frames"]


def test_medians_are_those_of_the_known_values_only():
    values = np.array([[5.0, 1.0, 9.0], [1.0, 2.0, 9.0], [3.0, 3.0, 9.0]])
    known = np.array([[True, False, False], [True, True, False], [True, True, False]])
    assert checks._medians(values, known).tolist() == [3.0, 2.0, 0.0]
