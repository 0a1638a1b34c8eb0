"""Figures of what is compared have one scale, skeletons are upright, and what a model has not is not drawn."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.report.explain import Alignment, Pair
from dastm.report.model_figures import alignment_figures, attention_figure, shares_figure, similarity_figures, upward
from tests.shard_folder import make_shard_folder
from tests.toy import STICK

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

BODY_VC = np.array([[0.0, 0, 0], [0, 1, 0], [0.5, 2, 0]])
PAIR = Pair(
    query_class="wave",
    prototype_class="bow",
    distance=1.5,
    query_VC=BODY_VC,
    support_VC=BODY_VC,
    frames=(0, 1),
    attention=None,
    alignment=None,
    shares_V=None,
)


def aligned(most):
    path_P2 = np.array([[0, 0], [1, 1]])
    return replace(PAIR, alignment=Alignment(cost_TS=np.eye(2) * most, path_P2=path_P2, expected_TS=np.eye(2)))


def test_what_a_model_has_not_is_not_drawn():
    assert attention_figure(PAIR, STICK, "y") is None
    assert shares_figure(PAIR, STICK, "y") is None
    assert alignment_figures([PAIR, PAIR]) == []


def test_two_alignments_have_the_colours_of_one_scale():
    """The largest cost of the first is half that of the second: a lighter colour than alone."""
    (alone,), (first, _) = alignment_figures([aligned(1.0)]), alignment_figures([aligned(1.0), aligned(2.0)])
    assert alone.svg != first.svg


def test_two_similarities_have_one_scale():
    joints_VD = np.eye(3) + 0.2
    alike, other = similarity_figures({"before": joints_VD, "after": joints_VD * [[1], [-1], [1]]}, STICK)
    assert "scale -1 to 1" in alike.svg
    assert "scale -1 to 1" in other.svg
    assert "scale 0 to 1" in similarity_figures({"before": joints_VD}, STICK)[0].svg


def test_shares_are_drawn_with_the_pairs_distance():
    figure = shares_figure(replace(PAIR, shares_V=np.array([0.0, 0.5, 1.0])), STICK, "y")
    assert "distance 1.50; feature frames 1 and 2." in figure.caption
    assert "head: 2.0×" in figure.svg


@pytest.mark.parametrize(("rotate", "up"), [("upright", "z"), ("yaw", "y"), (None, "y")])
def test_skeletons_are_drawn_upright(tmp_path, rng, rotate, up):
    manifest = make_shard_folder(tmp_path, parts={"test": {0: 1}}, rng=rng)
    definition = {"split": {"rotate": rotate}} if rotate else {}
    assert upward(replace(manifest, definition=definition)) == up
