"""A recogniser as a scikit-learn classifier, for its cross-validation, grids and metrics. Needs scikit-learn.

In: a list of arrays (T, V, C), one body each, and their labels. Out: labels, and probabilities.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ImportError as error:
    raise ImportError("ActionClassifier needs scikit-learn: pip install scikit-learn") from error

from dastm.contract.shard_format import checksum
from dastm.recogniser.clips import Clip, numbers
from dastm.recogniser.recogniser import ActionRecogniser, Joints, several

Labels = NDArray[Any]


class ActionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """`ActionRecogniser` as a classifier: `fit` enrols, `predict` names the nearest action.

    Args:
        encoder: a run folder, `motion3d` or `motion2d`; None: the shipped one for the layout.
        layout: the layout of the arrays.
        fps: frames per second of the arrays, if known.
        none_of_these: the label that `predict` returns for a clip that is none of the actions; None: always the nearest
            action.

    `X` is a list of arrays (T, V, C) whose numbers of frames differ, or one array (L, T, V, C).
    Raises: ValueError if arrays do not fit the layout, the numbers of labels and clips differ, or `none_of_these` is a
    text where the labels are numbers, or the reverse.

    >>> import dastm, numpy
    >>> rng = numpy.random.default_rng(0)
    >>> clips = [rng.normal(size=(30, 25, 3)).cumsum(0) for _ in range(2)]
    >>> classifier = dastm.ActionClassifier(layout="ntu25").fit(clips, ["wave", "jump"])
    >>> classifier.predict(clips).tolist(), classifier.predict_proba(clips).shape
    (['wave', 'jump'], (2, 2))
    """

    def __init__(
        self,
        encoder: str | None = None,
        layout: str = "ntu25",
        fps: float | None = None,
        none_of_these: Any = None,
    ) -> None:
        self.encoder = encoder
        self.layout = layout
        self.fps = fps
        self.none_of_these = none_of_these

    def fit(self, X: Sequence[Joints], y: Sequence[Any]) -> "ActionClassifier":
        """Enrol every clip of `X` with its label in `y`."""
        labels = column_or_1d(np.asarray(y))
        if len(X) != len(labels) or not len(labels):
            raise ValueError(f"a label for each clip is needed, got {len(X)} clips and {len(labels)} labels")
        check_classification_targets(labels)
        _refuse_two_labels(X, labels.tolist())
        are_text = any(isinstance(label, str) for label in labels.tolist())
        if self.none_of_these is not None and isinstance(self.none_of_these, str) != are_text:
            kind = "text" if are_text else "a number"
            raise ValueError(f"none_of_these: {kind}, as the labels are; got {self.none_of_these!r}")
        self.classes_, class_L = np.unique(labels, return_inverse=True)
        self.recogniser_ = ActionRecogniser.new(self.encoder, layout=self.layout)
        for number in range(len(self.classes_)):
            clips = [X[int(i)] for i in np.flatnonzero(class_L == number)]
            self.recogniser_.enrol(f"{number}", clips, layout=self.layout, fps=self.fps)
        return self

    def predict(self, X: Sequence[Joints]) -> Labels:
        """The label of every clip -> (L,)."""
        found = self._asked(X)
        nearest = np.array([int(p.decision.candidates[0].action) for p in found], dtype=np.int64)
        labels = self.classes_[nearest]
        if self.none_of_these is None:
            return np.asarray(labels)
        known = [p.action is not None for p in found]
        return np.array([a if sure else self.none_of_these for a, sure in zip(labels.tolist(), known, strict=True)])

    def predict_proba(self, X: Sequence[Joints]) -> NDArray[np.float64]:
        """The probability of every class, in the order of `classes_`, if the clip is one of them -> (L, W)."""
        scores_LW = np.zeros((len(X), len(self.classes_)))
        for row, found in enumerate(self._asked(X)):
            for candidate in found.decision.candidates:
                scores_LW[row, int(candidate.action)] = candidate.score
        shares_LW: NDArray[np.float64] = scores_LW / scores_LW.sum(axis=1, keepdims=True)
        return shares_LW

    def _asked(self, X: Sequence[Joints]) -> list[Any]:
        check_is_fitted(self)
        clips = list(several(X, "the classifier"))
        return list(self.recogniser_.predict(clips, layout=self.layout, fps=self.fps)) if clips else []

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _refuse_two_labels(X: Sequence[Joints], labels: Sequence[Any]) -> None:
    """Raise ValueError if one clip is there twice, with different labels."""
    seen: dict[str, int] = {}
    for i, (clip, label) in enumerate(zip(X, labels, strict=True)):
        joints = clip.joints_TVC if isinstance(clip, Clip) else numbers(clip, np.float32)
        first = seen.setdefault(checksum(joints.tobytes()), i)
        if labels[first] != label:
            raise ValueError(f"X[{first}] and X[{i}] are the same clip, called {labels[first]!r} and {label!r}")
