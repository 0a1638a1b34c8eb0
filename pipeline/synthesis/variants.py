"""Classes that are nearly another one: a recipe with one thing changed, as picking up with one hand or with both.

In: a recipe and a generator. Out: another recipe. Classes of real data sets are told apart by such things; a network
that only knows classes that differ in everything does not look for them.

Axes: K poses of a track, D channels.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.synthesis.body import ARM, COLUMN, Array
from pipeline.synthesis.stages import Recipe, Stage, Track, mirrored, mirrored_track

NUDGE = np.radians(28.0)
NUDGED_WAY = 0.3
"""Ways in body heights are changed by this share of what angles are."""
WAYS = [COLUMN[name] for name in ("forward", "sideways", "lift")]
RIGHT_ARM, LEFT_ARM = ([COLUMN[f"{side}_{name}"] for name in ARM] for side in "rl")
Change = Callable[[Recipe, np.random.Generator], Recipe]


def same_motion(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes go through the same poses; a squat has no other side, and one pose no other order."""

    def poses(recipe: Recipe) -> list[Array]:
        return [recipe.stance_D[None], *(track.keys_KD for stage in recipe.stages for track in stage)]

    mine, yours = poses(one), poses(other)
    return len(mine) == len(yours) and all(np.array_equal(a, b) for a, b in zip(mine, yours, strict=True))


def reversed_order(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """The stages in the other order, and each track's poses too; who stayed down now begins there and gets up."""
    stance_D, stages = recipe.stance_D, []
    for stage in recipe.stages[::-1]:
        tracks = []
        for track in stage:
            stays = not track.returns and track.wave is None and len(track.keys_KD) == 1
            stance_D = stance_D + track.keys_KD[-1] * stays
            keys_KD = -track.keys_KD if stays or (track.wave and track.wave.hertz is None) else track.keys_KD[::-1]
            tracks.append(replace(track, keys_KD=keys_KD, seconds_K=track.seconds_K[::-1]))
        stages.append(tuple(tracks))
    return Recipe(stance_D=stance_D, stages=tuple(stages))


def other_arms(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """Where one arm acts, both do; where both act, the right one alone."""
    return _each(recipe, _other_arms)


def nudged(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """One pose of one track goes elsewhere."""
    index, track = _drawn(recipe, rng)
    keys_KD, key = track.keys_KD.copy(), rng.integers(len(track.keys_KD))
    by_D = rng.normal(0.0, NUDGE, keys_KD.shape[1]) * (keys_KD[key] != 0)
    by_D[WAYS] *= NUDGED_WAY
    keys_KD[key] += by_D
    return _replaced(recipe, index, (replace(track, keys_KD=keys_KD),))


def mirrored_sides(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """The other side of the body does it all."""
    return Recipe(stance_D=mirrored(recipe.stance_D), stages=_each(recipe, mirrored_track).stages)


def without_one(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """One track is missing, where its stage has another."""
    index, _ = _drawn(recipe, rng)
    return _replaced(recipe, index, ()) if len(recipe.stages[index[0]]) > 1 else nudged(recipe, rng)


def with_other_tracks(make: Callable[[np.random.Generator], Stage]) -> Change:
    """A change in which the arms of one stage do something else, made by `make`."""

    def changed(recipe: Recipe, rng: np.random.Generator) -> Recipe:
        number = int(rng.integers(len(recipe.stages)))
        kept = tuple(track for track in recipe.stages[number] if not track.keys_KD[:, [*RIGHT_ARM, *LEFT_ARM]].any())
        stages = (*recipe.stages[:number], (*kept, *make(rng)), *recipe.stages[number + 1 :])
        return replace(recipe, stages=stages)

    return changed


def _other_arms(track: Track) -> Track:
    both = bool(track.keys_KD[:, LEFT_ARM].any() and track.keys_KD[:, RIGHT_ARM].any())
    wave = track.wave
    if wave is not None and wave.hertz is not None:
        wave = replace(wave, sine_D=_arms_of(wave.sine_D, both), cosine_D=_arms_of(wave.cosine_D, both))
    walks = wave is not None and wave.hertz is None
    return replace(track, keys_KD=track.keys_KD if walks else _arms_of(track.keys_KD, both), wave=wave)


def _arms_of(vectors: Array, both: bool) -> Array:
    """The left arm hangs, or each arm does what either does."""
    changed = vectors.copy()
    right, left = vectors[..., RIGHT_ARM], vectors[..., LEFT_ARM]
    changed[..., LEFT_ARM] = 0.0 if both else right + left
    changed[..., RIGHT_ARM] = right if both else right + left
    return changed


def _drawn(recipe: Recipe, rng: np.random.Generator) -> tuple[tuple[int, int], Track]:
    stage = int(rng.integers(len(recipe.stages)))
    track = int(rng.integers(len(recipe.stages[stage])))
    return (stage, track), recipe.stages[stage][track]


def _replaced(recipe: Recipe, index: tuple[int, int], tracks: Stage) -> Recipe:
    number, place = index
    stage = recipe.stages[number]
    changed = (*stage[:place], *tracks, *stage[place + 1 :])
    return replace(recipe, stages=(*recipe.stages[:number], changed, *recipe.stages[number + 1 :]))


def _each(recipe: Recipe, change: Callable[[Track], Track]) -> Recipe:
    return replace(recipe, stages=tuple(tuple(map(change, stage)) for stage in recipe.stages))
