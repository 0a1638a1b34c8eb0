"""DeepLabCut's and SLEAP's tables: header rows, individuals, index columns, what was not labelled."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.bodypart_tables import NOTE_SINGLE
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

PIXELS = {"image_size": (1, 1)}
PLAIN = (
    "scorer,net,net,net,net,net,net\nbodyparts,snout,snout,snout,tail,tail,tail\ncoords,x,y,likelihood,x,y,likelihood\n"
)
MULTI = (
    "scorer,me,me,me,me,me,me,me,me\nindividuals,one,one,one,one,two,two,single,single\n"
    "bodyparts,A,A,B,B,A,A,D,D\ncoords,x,y,x,y,x,y,x,y\n"
)


class TestDeepLabCut:
    def test_numbered_frames_with_likelihoods(self):
        text = PLAIN + "0,1,2,0.9,3,4,0.5\n1,5,6,0.8,7,8,0.25\n3,5,6,0.8,7,8,0.25\n"
        clip = clip_of("deeplabcut_csv", text, **PIXELS)
        assert (clip.frames, clip.frame_index.tolist(), clip.notes) == (4, [0, 1, 3], ())
        assert clip.joints_PVC[1].tolist() == [[5, 6], [7, 8]]
        assert clip.scores_PV[0].tolist() == [np.float32(0.9), 0.5]
        assert poses_of("deeplabcut_csv", text).layout.joints == ("snout", "tail")
        assert form_of(text) == "deeplabcut_csv"

    @pytest.mark.parametrize("lead", ["labeled-data/m/img{:03d}.png", "labeled-data,m,img{:03d}.png"])
    def test_pictures_name_their_frames_in_one_column_or_three(self, lead):
        empty = "," * lead.count(",")
        head = f"scorer{empty},me,me\nbodyparts{empty},a,a\ncoords{empty},x,y\n"
        clip = clip_of("deeplabcut_csv", head + "".join(f"{lead.format(n)},{n},9\n" for n in (9, 10, 12)), **PIXELS)
        assert (clip.frames, clip.joints_PVC[:, 0, 0].tolist()) == (4, [9, 10, 12])

    def test_individuals_are_bodies_and_parts_of_none_are_left_out(self):
        text = MULTI + "img1.png,1,2,3,4,5,6,7,8\nimg2.png,1,2,,,5,,7,8\nimg3.png,,,,,,,,\nimg4.png,1,2,3,4\n"
        clip = clip_of("deeplabcut_csv", text, **PIXELS)
        assert (clip.frames, clip.ids.tolist(), clip.lengths.tolist()) == (4, [0, 1], [3, 1])
        assert NOTE_SINGLE in clip.notes
        assert clip.scores_PV[1].tolist() == [1, 0]
        assert clip.joints_PVC[3, 0].tolist() == [5, 6]

    def test_a_likelihood_of_0_or_an_empty_part_was_not_measured(self):
        clip = clip_of("deeplabcut_csv", PLAIN + "0,1,2,0,3,4,0.5\n1,,,,3,4,0.5\n", **PIXELS)
        assert clip.scores_PV.tolist() == [[0, 0.5], [0, 0.5]]

    def test_a_layout_picks_parts_by_name(self):
        from dastm.contract.layouts import layout_of

        clip = clip_of(
            "deeplabcut_csv", PLAIN + "0,1,2,0.9,3,4,0.5\n", layout_of("mouse", ["Tail"], image=True), **PIXELS
        )
        assert clip.joints_PVC[0].tolist() == [[3, 4]]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("scorer,a\n0,1\n", "no line 'bodyparts'"),
            ("bodyparts,a,a\ncoords,x,y,x\n", "not equally long"),
            ("bodyparts,a,a\ncoords,q,r\n", "without x and y"),
            ("bodyparts,a,a\ncoords,x,r\n", "coords 'r', expected x, y, z or likelihood"),
            ("bodyparts,a,a\ncoords,x,x\n", "'a' is there twice"),
            ("bodyparts,a,b\ncoords,x,y\n", "a body part without x or y"),
            ("bodyparts,a,a\ncoords,x,y\n0,1,b\n", "'b' is not a number"),
            ("bodyparts,a,a\ncoords,x,y\n0,1,2,3\n", "4 fields, expected 3"),
            ("bodyparts,a,a\ncoords,x,y\n0,,\n", "no body in any of 1 frames"),
        ],
    )
    def test_what_is_no_table_is_refused(self, text, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("deeplabcut_csv", text)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace(",", ";").replace(".", ","),
            lambda text: "".join(f'"{line.replace(",", chr(34) + "," + chr(34))}"\n' for line in text.splitlines()),
            lambda text: text.replace("scorer", "Scorer").replace("bodyparts", "Bodyparts").replace("coords", "Coords"),
        ],
        ids=["semicolons and decimal commas", "quoted", "capitals"],
    )
    def test_other_spellings_are_the_same_table(self, change):
        plain = PLAIN + "0,1.5,2,0.9,3,4,0.5\n1,5,6,0.8,7,8,0.25\n"
        text = change(plain)
        assert np.array_equal(clip_of("deeplabcut_csv", text).joints_PVC, clip_of("deeplabcut_csv", plain).joints_PVC)
        assert form_of(text) == "deeplabcut_csv"

    def test_pictures_without_a_number_are_in_their_order(self):
        clip = clip_of("deeplabcut_csv", "bodyparts,a,a\ncoords,x,y\none.png,7,9\nnext.png,8,9\n", **PIXELS)
        assert clip.joints_PVC[:, 0, 0].tolist() == [7, 8]


HEAD = "track,frame_idx,instance.score,A.x,A.y,A.score,B.x,B.y,B.score\n"


class TestSleap:
    def test_tracks_are_bodies_and_frames_have_gaps(self):
        text = HEAD + "a,5,1,1,2,0.5,3,4,0.5\nb,5,1,10,20,0.5,30,40,0.5\na,7,1,1,2,0.5,,,\n"
        clip = clip_of("sleap_csv", text, **PIXELS)
        assert (clip.frames, clip.ids.tolist(), clip.frame_index.tolist()) == (3, [0, 1], [0, 2, 0])
        assert clip.scores_PV[1].tolist() == [0.5, 0]
        assert form_of(text) == "sleap_csv"

    def test_labels_without_track_and_score_are_followed_and_sure(self):
        text = HEAD + ",0,nan,1,2,,3,4,\n,0,nan,100,2,,103,4,\n,1,nan,100,2,,103,4,\n"
        clip = clip_of("sleap_csv", text, **PIXELS)
        assert (clip.lengths.tolist(), clip.scores_PV[0].tolist()) == ([1, 2], [1, 1])

    def test_lines_one_by_one_are_the_table_that_is_read_at_once(self):
        text = HEAD + "a b,7,1,1,2,0.5,,,\nb,5,1,10,20,0.5,30,40,0.5\na b,5,1,1,2,0.5,3,4,\n"
        quick, slow = poses_of("sleap_csv", text), poses_of("sleap_csv", text.replace("a b", '"a b"'))
        for own in ("frame_P", "places_PVC", "scores_PV", "id_P"):
            assert np.array_equal(getattr(quick, own), getattr(slow, own), equal_nan=True), own
        assert (quick.frame_P.tolist(), quick.id_P.tolist()) == ([0, 0, 2], [1, 0, 0])

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace(",", ";").replace("0.5", "0,5"),
            lambda text: "".join(
                f"v.mp4,{line}\n" if at else f"video,{line}\n" for at, line in enumerate(text.split())
            ),
        ],
        ids=["semicolons and decimal commas", "another column"],
    )
    def test_other_spellings_are_the_same_table(self, change):
        plain = HEAD + "a,5,1,1,2,0.5,3,4,0.5\na,7,1,1,2,0.5,,,\n"
        text = change(plain)
        assert np.array_equal(clip_of("sleap_csv", text).joints_PVC, clip_of("sleap_csv", plain).joints_PVC)
        assert form_of(text) == "sleap_csv"

    def test_columns_without_scores_or_track(self):
        clip = clip_of("sleap_csv", "frame_idx,A.x,A.y\n3,1,2\n", **PIXELS)
        assert (clip.frames, clip.scores_PV.tolist()) == (1, [[1]])

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("track,frame_idx\na,1\n", "not the columns"),
            ("track,frame_idx,A.x\na,1,2\n", "not the columns"),
            ("track,A.x,A.y\na,1,2\n", "not the columns"),
            ("track,frame_idx,A.x,A.y,A.x\na,0,1,2,3\n", "2 columns are called 'A.x'"),
            ("frame_idx,frame_idx,A.x,A.y\n0,0,1,2\n", "2 columns are called 'frame_idx'"),
            (HEAD + "a,0.5,1,1,2,0.5,3,4,0.5\n", "frame_idx '0.5' is not a whole number"),
            (HEAD + "a,1,1,1,2\n", "5 fields, expected 9"),
            (HEAD, "no body in any of 0 frames"),
        ],
    )
    def test_what_is_no_table_is_refused(self, text, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("sleap_csv", text)


def test_parts_in_space_are_joints_in_metres_with_the_head_up():
    head = "scorer,a,a,a,a,a,a\nbodyparts,nose,nose,nose,leftankle,leftankle,leftankle\ncoords,x,y,z,x,y,z\n"
    clip = clip_of("deeplabcut_csv", head + "0,0,0,1700,0,0,0.5\n1,0,0,1700,,,\n")
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0, 1.7, 0])
    assert clip.frames == 2
