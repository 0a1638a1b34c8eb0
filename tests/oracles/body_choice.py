"""The measures of body tracks and their denoising, restated slowly: plain numpy, a track and a frame at a time.

Axes: B tracks, N frames of one track, V joints, C coordinates.
"""

from dataclasses import replace

import numpy as np


def tracks_apart(tracks):
    """For each track its frames (N,), joints (N, V, C) with NaN where not measured, and its scores or None."""
    found, start = [], 0
    for length in tracks.lengths:
        rows = range(start, start + int(length))
        joints = np.array([tracks.joints_PVC[p] for p in rows], np.float64).reshape(-1, *tracks.joints_PVC.shape[1:])
        scores = None if tracks.scores_PV is None else [tracks.scores_PV[p].astype(np.float64) for p in rows]
        for n, frame_VC in enumerate(joints):
            for v, joint in enumerate(frame_VC):
                if not np.isfinite(joint).all() or (scores is not None and not scores[n][v] > 0):
                    joint[:] = np.nan
                    if scores is not None:
                        scores[n][v] = 0.0
        found.append((tracks.frame_index[start : start + length], joints, scores))
        start += int(length)
    return found


def variances(frames_NVC):
    points = frames_NVC.reshape(-1, frames_NVC.shape[-1])
    return points[~np.isnan(points).any(axis=1)].var(axis=0)


def is_upright(frame_VC):
    x, y = frame_VC[:, 0], frame_VC[:, 1]
    return np.nanmax(x) - np.nanmin(x) <= 0.8 * (np.nanmax(y) - np.nanmin(y))


def measures(tracks):
    """One dictionary a track; all -1 where it has no measured joint."""
    found = []
    for _, all_NVC, scores in tracks_apart(tracks):
        seen = [n for n, frame in enumerate(all_NVC) if not np.isnan(frame).all()]
        joints_NVC = all_NVC[seen]
        if not seen:
            names = ("spread", "motion", "upright", "upright_motion", "extent", "travel", "confidence")
            found.append(dict.fromkeys(names, -1.0))
            continue
        upright = [frame for frame in joints_NVC if is_upright(frame)]
        per_joint = [joints_NVC[:, v][~np.isnan(joints_NVC[:, v]).any(axis=1)] for v in range(joints_NVC.shape[1])]
        found.append(
            {
                "spread": np.sqrt(variances(joints_NVC)).sum(),
                "motion": variances(joints_NVC).sum(),
                "upright": len(upright) / len(seen),
                "upright_motion": variances(np.stack(upright)).sum() if upright else -1.0,
                "extent": np.median([(np.nanmax(f, axis=0) - np.nanmin(f, axis=0)).max() for f in joints_NVC]),
                "travel": max(np.ptp(path, axis=0).max() for path in per_joint if len(path)),
                "confidence": None if scores is None else np.mean([scores[n].mean() for n in seen]),
            }
        )
    return found


def published(tracks, shared_frames):
    """The bodies that CTR-GCN's (1 shared frame) and PYSKL's (0) steps make of a clip: lists of track numbers.

    Two at most; where a step would leave nobody, the body of the greatest motion stays.
    """
    measured, apart = measures(tracks), tracks_apart(tracks)
    motion = [m["motion"] for m in measured]
    left = [b for b in range(len(apart)) if motion[b] >= 0]
    if len(left) > 1:
        left = [b for b in left if len(apart[b][0]) > 11] or [best(left, motion, apart)]
    if len(left) > 1:
        good = [b for b in left if 1 - measured[b]["upright"] < 0.69754]
        left = good or [best(left, motion, apart)]
        for b in left:
            if 0 < measured[b]["upright"] < 1:
                motion[b] = min(motion[b], measured[b]["upright_motion"])
    actors = []
    while left:
        b = best(left, motion, apart)
        left.remove(b)
        seen = [t for t, frame in zip(apart[b][0], apart[b][1], strict=True) if not np.isnan(frame).all()]
        for actor in actors:
            common = set(range(actor["first"], actor["last"] + 1)) & set(range(min(seen), max(seen) + 1))
            if len(common) <= shared_frames:
                actor["tracks"].append(b)
                actor["first"], actor["last"] = min(actor["first"], *seen), max(actor["last"], *seen)
                break
        else:
            if len(actors) < 2:
                actors.append({"tracks": [b], "first": min(seen), "last": max(seen)})
    if shared_frames == 0 and len(actors) == 2 and actors[1]["first"] < actors[0]["first"]:
        actors.reverse()  # PYSKL's last step: nobody in the first slot where the clip begins
    return [actor["tracks"] for actor in actors]


def closed(tracks):
    """The tracks as CTR-GCN and PYSKL number their frames: those that show nobody do not count, gaps are closed."""
    shown = sorted({int(t) for t in tracks.frame_index})
    frames, start = [], 0
    for length in tracks.lengths:
        begins = shown.index(int(tracks.frame_index[start]))
        frames += [begins + n for n in range(int(length))]
        start += int(length)
    return replace(tracks, frames=len(shown), frame_index=np.array(frames, np.int32))


def arranged(tracks, shared_frames):
    """The array that those preparations make of 3-D tracks: (bodies, frames, V, 3), zero where a body is not seen."""
    tracks = closed(tracks)
    apart, made_of = tracks_apart(tracks), published(tracks, shared_frames)
    clip_MTVC = np.zeros((len(made_of), tracks.frames, *tracks.joints_PVC.shape[1:]))
    for m, body in enumerate(made_of):
        for b in body:
            for t, frame_VC in zip(apart[b][0], apart[b][1], strict=True):
                if not np.isnan(frame_VC).all():
                    clip_MTVC[m, t] = frame_VC
    shown = [t for t in range(tracks.frames) if clip_MTVC[:, t].any()]
    return clip_MTVC[:, shown[0] : shown[-1] + 1]


def best(among, motion, apart):
    """The greatest motion, then the longest, then the first."""
    return min(among, key=lambda b: (-motion[b], -len(apart[b][0]), b))
