"""A matched pair: every joint where it is, as large as the attention it receives, and only the bones there are."""

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25, OPENPOSE18, Layout
from dastm.report.figures import matching_pair, shared_distance
from tests.oracles.svg import labels, outlines, tooltips

pytestmark = pytest.mark.slow

# a - b - c
CHAIN = Layout(name="chain", joints=("a", "<b&>", "c"), bones=((1, 0), (2, 1)))
IMAGE = Layout(name="image", joints=("a", "b", "c"), bones=((1, 0), (2, 1)), coordinates=("x", "y", "confidence"))
QUERY_VC = np.array([[0.0, 0.0, 5.0], [1.0, 2.0, 6.0], [0.0, 3.0, 4.0]])
SUPPORT_VC = QUERY_VC + 1
ACTIVATION_QUERY = np.array([[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.25, 0.25, 0.5]])  # columns: 1.5, 0.75, 0.75
ACTIVATION_SUPPORT = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])  # columns: 0.5, 2, 0.5


def joints(text: str, side: str) -> np.ndarray:
    """Centre (x, y upwards) and width of every joint."""
    boxes = [(np.min(points, axis=0), np.max(points, axis=0)) for points in outlines(text, f"{side}-joints")]
    return np.array([(*(low + high) / 2, high[0] - low[0]) for low, high in boxes])


def draw(**changes) -> str:
    arguments = {
        "query_VC": QUERY_VC,
        "support_VC": SUPPORT_VC,
        "activation_query_VV": ACTIVATION_QUERY,
        "layout": CHAIN,
        "titles": ("query of <&>", "support"),
        "activation_support_VV": ACTIVATION_SUPPORT,
    }
    return matching_pair(**{**arguments, **changes})


def test_every_side_has_its_joints_bones_and_title():
    text = draw()
    for side in ("query", "support"):
        assert len(joints(text, side)) == 3
        assert len(outlines(text, f"{side}-bones")) == 2
    assert {"query of <&>", "support", "query joint", "support joint"} <= set(labels(text))
    assert labels(text).count("<b&>") == 2


def test_area_of_a_joint_is_the_attention_it_receives():
    text = draw()
    widths = {side: joints(text, side)[:, 2] for side in ("query", "support")}
    np.testing.assert_allclose(widths["support"] ** 2 / widths["support"][1] ** 2, [2, 1, 1], rtol=0.02)
    np.testing.assert_allclose(widths["query"] ** 2 / widths["query"][0] ** 2, [1, 4, 1], rtol=0.02)
    assert tooltips(text, "support-joints") == ["a: 1.50×", "<b&>: 0.75×", "c: 0.75×"]
    assert tooltips(text, "query-joints") == ["a: 0.50×", "<b&>: 2.00×", "c: 0.50×"]
    assert labels(text).count("(1× = an even share)") == 2
    assert "<b&>: 2.0×" in labels(text)


def test_within_a_skeleton_every_side_receives_from_its_own_joints():
    text = draw(within=True)
    assert tooltips(text, "query-joints") == ["a: 1.50×", "<b&>: 0.75×", "c: 0.75×"]
    assert tooltips(text, "support-joints") == ["a: 0.50×", "<b&>: 2.00×", "c: 0.50×"]
    assert labels(text).count("query joint") == 2
    assert "support joint" not in labels(text)


def test_without_the_support_activation_the_query_joints_are_equal():
    text = draw(activation_support_VV=None)
    assert len(set(joints(text, "query")[:, 2].round(1))) == 1
    assert tooltips(text, "query-joints") == ["a", "<b&>", "c"]
    assert labels(text).count("(1× = an even share)") == 1


def test_heatmap_is_the_query_activation_row_after_row():
    assert tooltips(draw(), "cells")[:4] == ["a to a: 0.500", "a to <b&>: 0.250", "a to c: 0.250", "<b&> to a: 0.750"]
    assert len(outlines(draw(), "cells")) == 9


@pytest.mark.parametrize(("up", "column"), [("y", 1), ("z", 2)])
def test_joints_stand_where_they_are_x_to_the_right_and_up_upwards(up, column):
    points = joints(draw(up=up), "query")[:, :2]
    offsets, expected = points - points[0], (QUERY_VC - QUERY_VC[0])[:, [0, column]]
    scale = offsets[1, 0] / expected[1, 0]
    assert scale > 0
    np.testing.assert_allclose(offsets, scale * expected, atol=0.05)


def test_joints_of_an_image_without_confidence_are_not_there():
    body_VC = np.array([[0.0, 0.0, 0.9], [0.1, 0.2, 0.9], [0.0, 0.0, 0.0]])
    text = draw(layout=IMAGE, query_VC=body_VC, support_VC=np.zeros((3, 3)))
    assert tooltips(text, "query-joints") == ["a: 0.50×", "b: 2.00×"]
    assert len(outlines(text, "query-bones")) == 1
    assert outlines(text, "support-joints") == outlines(text, "support-bones") == []


@pytest.mark.parametrize("layout", [NTU25, OPENPOSE18], ids=lambda layout: layout.name)
def test_layouts_in_full(layout, rng):
    n = layout.n_joints
    body_VC = rng.random((n, 3)) + 0.1
    text = matching_pair(body_VC, body_VC, np.full((n, n), 1 / n), layout, ("q", "s"))
    assert len(tooltips(text, "cells")) == n * n
    assert len(joints(text, "support")) == len(joints(text, "query")) == n
    assert len(outlines(text, "support-bones")) == len(layout.bones)
    assert tooltips(text, "support-joints") == [f"{name}: 1.00×" for name in layout.joints]


def test_long_titles_are_broken_into_lines():
    assert {"apply cream on hand back and", "then some more"} <= set(
        labels(draw(titles=("apply cream on hand back and then some more", "s")))
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_VC": QUERY_VC[:2]}, r"query: expected finite values of shape \(3, 3\), got \(2, 3\)"),
        ({"support_VC": np.full((3, 3), np.inf)}, "support: expected finite values"),
        ({"activation_query_VV": np.eye(2)}, r"activation_query: .* got \(2, 2\)"),
        ({"activation_support_VV": np.eye(4)}, r"activation_support: .* got \(4, 4\)"),
        ({"titles": ("one",)}, "titles: one for the query and one for the support, got 1"),
        ({"up": "w"}, "up: one of x, y, z, got 'w'"),
    ],
)
def test_what_is_no_pair_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(**changes)


def test_area_of_a_joint_is_its_share_of_the_distance_on_both_sides():
    text = shared_distance(QUERY_VC, SUPPORT_VC, np.array([0.2, 0.05, 0.05]), CHAIN, ("query", "support"))
    for side in ("query", "support"):
        widths = joints(text, side)[:, 2]
        np.testing.assert_allclose(widths**2 / widths[1] ** 2, [4, 1, 1], rtol=0.02)
    assert tooltips(text, "query-joints")[0] == "a: 2.00×"


def test_joints_of_two_clips_at_no_distance_are_all_of_one_size():
    text = shared_distance(QUERY_VC, QUERY_VC, np.zeros(3), CHAIN, ("query", "support"))
    np.testing.assert_allclose(np.ptp(joints(text, "query")[:, 2]), 0, atol=0.02)


def test_shares_of_other_joints_are_refused():
    with pytest.raises(ValueError, match="shares"):
        shared_distance(QUERY_VC, SUPPORT_VC, np.zeros(4), CHAIN, ("query", "support"))
