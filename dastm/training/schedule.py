"""Learning rate, and when training ends: pure functions of the configuration and the curves so far."""

import math
from collections.abc import Sequence

from dastm.config.schema import OptimiseConfig

HALVE_AFTER, LEAST_FALL, LEAST_RATE = 10, 1e-4, 1e-5
"""Constants of the schedule `plateau`, as in the authors' released code; the first two are torch's defaults."""


def learning_rate(optimise: OptimiseConfig, step: int, losses: Sequence[float] = ()) -> float:
    """The learning rate of training step `step`, counted from 0 over the whole training.

    `losses` are those of the epochs so far; only the schedule `plateau` uses them.
    """
    if optimise.schedule == "cosine":
        return half_cosine(optimise.learning_rate, step, optimise.epochs * optimise.episodes)
    if optimise.schedule == "plateau":
        slowest = min(optimise.learning_rate, LEAST_RATE)
        return max(slowest, optimise.learning_rate * 0.5 ** plateaus(losses))
    return optimise.learning_rate


def why_not_longer(before: OptimiseConfig, now: OptimiseConfig) -> str:
    """Why a training cannot continue to another number of epochs with the same result as in one go; empty: it can."""
    if now.epochs < before.epochs:
        return f"{now.epochs} epochs, fewer than the {before.epochs} of before"
    if now.schedule == "cosine":
        return "schedule cosine is at 0 after the last epoch, with more of them it is another training"
    return ""


def half_cosine(rate: float, step: int, n_steps: int) -> float:
    """From `rate` at step 0 down to 0 at step `n_steps`."""
    return rate * 0.5 * (1 + math.cos(math.pi * step / n_steps))


def warmed_up(rate: float, step: int, n_steps: int, share: float) -> float:
    """A straight line up to `rate` over the first `share` of the steps, then down along `half_cosine`."""
    n_rising = round(share * n_steps)
    if step < n_rising:
        return rate * (step + 1) / (n_rising + 1)
    return half_cosine(rate, step - n_rising, n_steps - n_rising)


def plateaus(losses: Sequence[float]) -> int:
    """How often more than `HALVE_AFTER` epochs in a row had no new lowest loss; each such series counts once.

    The rule of torch's ReduceLROnPlateau: a loss is lower if it is below `lowest - LEAST_FALL * lowest`. By this rule a
    negative loss is lower than itself.
    """
    lowest, since, found = math.inf, 0, 0
    for loss in losses:
        lowest, since = (loss, 0) if loss < lowest * (1 - LEAST_FALL) else (lowest, since + 1)
        if since > HALVE_AFTER:
            since, found = 0, found + 1
    return found


def reason_to_stop(optimise: OptimiseConfig, accuracies: Sequence[float]) -> str:
    """Why training ends after these validation accuracies (one per epoch), in words; empty: it goes on."""
    if optimise.patience is not None and len(accuracies) > optimise.patience:
        best = max(range(len(accuracies)), key=lambda epoch: (accuracies[epoch], optimise.ties == "later" and epoch))
        if len(accuracies) - 1 - best >= optimise.patience:
            return f"no better validation accuracy for {optimise.patience} epochs"
    if optimise.max_falls is not None and falls(accuracies) >= optimise.max_falls:
        return f"the validation accuracy has not risen for {optimise.max_falls} epochs in a row"
    return ""


def has_ended(optimise: OptimiseConfig, epoch: int, accuracies: Sequence[float]) -> bool:
    """Whether no epoch follows the ones before this."""
    return epoch >= optimise.epochs or bool(reason_to_stop(optimise, accuracies))


def is_better(optimise: OptimiseConfig, accuracy: float, best: float) -> bool:
    """Whether weights with this validation accuracy replace the best ones so far."""
    return accuracy > best or (accuracy == best and optimise.ties == "later")


def is_last_best(optimise: OptimiseConfig, accuracies: Sequence[float]) -> bool:
    """Whether the last of these validation accuracies was the best at its time."""
    return bool(accuracies) and is_better(optimise, accuracies[-1], max(accuracies[:-1], default=-1.0))


def falls(accuracies: Sequence[float]) -> int:
    """How many epochs in a row, up to the last one, were no better than the one before, as released."""
    count = 0
    for later, earlier in zip(accuracies[:0:-1], accuracies[-2::-1], strict=True):
        if later > earlier:
            break
        count += 1
    return count
