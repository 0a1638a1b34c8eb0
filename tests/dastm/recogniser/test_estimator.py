"""The classifier works with scikit-learn's own tools, as far as they take sequences."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dastm.recogniser.estimator import ActionClassifier
from tests.actions import clip_of

pytestmark = pytest.mark.slow

ACTIONS = ("wave", "push", "kick")
X = [clip_of(action, seed, n_frames=20 + seed).joints_TVC for action in ACTIONS for seed in range(3)]
Y = [action for action in ACTIONS for _ in range(3)]


@pytest.fixture(scope="module")
def fitted():
    return ActionClassifier().fit(X[::3], Y[::3])


def test_it_predicts_labels_and_probabilities_in_the_order_of_its_classes(fitted):
    assert fitted.classes_.tolist() == sorted(ACTIONS)
    assert fitted.predict(X).tolist() == Y
    shares = fitted.predict_proba(X)
    assert np.allclose(shares.sum(axis=1), 1)
    assert fitted.classes_[shares.argmax(axis=1)].tolist() == Y
    assert fitted.score(X, Y) == 1
    assert fitted.predict([]).tolist() == []


def test_labels_are_of_any_kind():
    numbers = ActionClassifier().fit(X[::3], [7, 3, 5])
    assert numbers.predict(X[:1]).tolist() == [7]
    assert ActionClassifier().fit(np.stack([X[0], X[0] * 1.01]), [True, False]).classes_.tolist() == [False, True]


def test_a_clip_like_none_of_them_has_its_label(fitted):
    bow = clip_of("bow", 4).joints_TVC
    assert fitted.predict([bow])[0] in ACTIONS
    fitted_too = clone(fitted).set_params(none_of_these="-").fit(X[::3], Y[::3])
    assert fitted_too.predict([bow, X[0]]).tolist() == ["-", "wave"]


def test_the_label_of_none_is_of_the_kind_of_the_others():
    bow = clip_of("bow", 4).joints_TVC
    numbers = ActionClassifier(none_of_these=-1).fit(X[::3], [7, 3, 5])
    assert [numbers.predict(clips).tolist() for clips in ([bow, X[0]], [X[0]])] == [[-1, 7], [7]]
    objects = ActionClassifier(none_of_these="-").fit(X[::3], np.array(Y[::3], dtype=object))
    assert objects.predict([bow]).tolist() == ["-"]
    for none, labels, kind in (("none", [7, 3, 5], "a number"), (-1, Y[::3], "text")):
        with pytest.raises(ValueError, match=f"none_of_these: {kind}, as the labels are; got {none!r}"):
            ActionClassifier(none_of_these=none).fit(X[::3], labels)


def test_it_can_be_cloned_configured_and_told_apart_from_other_estimators(fitted):
    other = clone(fitted)
    assert other.get_params() == {"encoder": None, "layout": "ntu25", "fps": None, "none_of_these": None}
    assert not hasattr(other, "classes_")
    assert is_classifier(other)
    assert other.set_params(fps=30.0).fps == 30.0
    with pytest.raises(NotFittedError):
        other.predict(X)


def test_it_works_in_cross_validation_and_pipelines():
    scores = cross_val_score(ActionClassifier(), X, Y, cv=StratifiedKFold(3))
    assert scores.tolist() == [1, 1, 1]
    millimetres = FunctionTransformer(lambda clips: [1000 * clip for clip in clips])
    assert make_pipeline(millimetres, ActionClassifier()).fit(X, Y).predict(X[:2]).tolist() == ["wave", "wave"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="got 9 clips and 1 labels"):
        ActionClassifier().fit(X, ["wave"])
    with pytest.raises(ValueError, match="coco17 needs"):
        ActionClassifier(layout="coco17").fit(X, Y)
    with pytest.raises(ValueError, match="Unknown label type"):
        ActionClassifier().fit(X[:2], [0.5, 0.25])


@pytest.mark.parametrize(
    ("clips", "labels", "said"),
    [
        (
            [*X[:3], X[0]],
            ["wave", "push", "kick", "push"],
            r"X\[0\] and X\[3\] are the same clip, called 'wave' and 'push'",
        ),
        ([], [], "a label for each clip is needed, got 0 clips"),
        (X[:2], None, "1d array"),
    ],
)
def test_labels_that_do_not_fit_are_refused_by_their_places(clips, labels, said):
    with pytest.raises(ValueError, match=said):
        ActionClassifier().fit(clips, labels)


def test_clips_of_ours_and_columns_of_labels_are_taken_and_one_clip_alone_is_refused(fitted):
    clips = [clip_of(action, 1) for action in ACTIONS]
    column = np.array(ACTIONS)[:, None]
    assert ActionClassifier().fit(clips, column).predict(clips).tolist() == list(ACTIONS)
    with pytest.raises(ValueError, match="put it into a list"):
        fitted.predict(X[0])
