"""The tracks of a parsed clip with the joints of the layout that `split.layout` asks for.

In: tracks as parsed. Out: the same bodies at the same times, joints and confidences mapped.
"""

from dataclasses import replace

from pipeline.definitions.definition import Definition
from pipeline.tracks import Tracks


def mapped_tracks(tracks: Tracks, definition: Definition) -> Tracks:
    """The tracks with the joints of the shards' layout; unchanged if the definition asks for no other layout.

    Raises: ValueError if they do not have the joints of the definition's own layout.
    """
    mapping = definition.joint_mapping
    if mapping is None:
        return tracks
    n_joints, own = tracks.joints_PVC.shape[1], mapping.source
    if n_joints != own.n_joints:
        raise ValueError(f"{n_joints} joints, layout {own.name} has {own.n_joints}")
    joints_PVC, scores_PV = mapping.joints(tracks.joints_PVC, tracks.scores_PV)
    return replace(tracks, joints_PVC=joints_PVC, scores_PV=scores_PV)
