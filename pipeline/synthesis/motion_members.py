"""The files of the open vocabulary: `SynthSpec` -> (path, bytes of an .npy array), one clip at a time.

Every clip depends on (seed, class, clip) alone; in 2-D and in 3-D the same clip is the same motion by the same person.
"""

import io
from collections.abc import Callable, Mapping

import numpy as np

from pipeline.definitions.definition import SynthSpec, motion_name
from pipeline.synthesis.body import Array
from pipeline.synthesis.image_sensor import filmed
from pipeline.synthesis.members import Members
from pipeline.synthesis.render import act
from pipeline.synthesis.sensor import recorded_frames, sensed
from pipeline.synthesis.stages import Recipe
from pipeline.synthesis.vocabulary import recipe

View = Callable[[Array, np.random.Generator], Array]
VIEWS: Mapping[str, View] = {"ntu25": sensed, "coco17": filmed}
"""layout -> what its sensor makes of the body's points: (T, 25, 3) metres, or (T, 17, 3) x, y, confidence."""
MOTION = 4
"""The random stream; those of the demos are in `members`."""
MAX_MOTION_CLIPS = 1000
MOTION_NAME = r"motion_\d{4}/\d{3}\.npy"


def motion_members(spec: SynthSpec, view: View) -> Members:
    """`<class name>/<clip>.npy`, float32."""
    for class_id in range(spec.n_classes):
        done = recipe(class_id)
        for clip in range(spec.clips_per_class):
            joints_TVC = motion_clip(done, view, np.random.default_rng([spec.seed, MOTION, class_id, clip]))
            yield f"{motion_name(class_id)}/{clip:03d}.npy", _npy(joints_TVC)


def motion_clip(done: Recipe, view: View, rng: np.random.Generator) -> Array:
    """One clip as a sensor has it; shapes as in `VIEWS`."""
    performance = act(done, rng)
    return view(performance.points(recorded_frames(performance.n_frames, rng)), rng)


def _npy(joints_TVC: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, joints_TVC.astype(np.float32))
    return file.getvalue()
