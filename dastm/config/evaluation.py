"""What a run is scored on: the options of an evaluation, checked when built and saved with its results."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, model_validator
from pydantic.dataclasses import dataclass

from dastm.config.values import STRICT, Count, Episodes, Seed, TooFew, distinct

Subset = Literal["train", "val", "test"]
OLD_SUBSET = "part"
"""The old name of `EvalConfig.subset`: files keep it, and older params.yaml and grids are still read."""
Baseline = Literal["coordinates", "path", "untrained"]
"""The baselines; `dastm.evaluation.baselines` says what each is."""
By = Literal["subject", "camera", "setup"]
FIXED: dict[str, tuple[str, ...]] = {
    "episodes": (),
    "one-shot": ("n_way", "k_shot", "n_query", "episodes", "seed", "too_few", "open_set"),
    "leave-one-out": ("n_way", "n_query", "episodes", "open_set"),
}
"""Protocol -> the options of an evaluation that it fixes."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EvaluationConfig:
    """How `dastm eval` scores runs of this recipe by default; it has no effect on the training."""

    n_query: Count = 5
    """Number of queries per class."""
    episodes: Episodes = 500


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EvalConfig:
    """What a run is scored on. The same values give the same episodes for every run and baseline."""

    protocol: Literal["episodes", "one-shot", "leave-one-out"] = "episodes"
    """`episodes`: N-way K-shot. `one-shot`: all classes at once, all other clips against the given exemplars.
    `leave-one-out`: all classes at once, the clips of each subject (see `by`) against k_shot examples per class of all
    others. `FIXED` has the options that the last two do not use."""
    subset: Annotated[Subset, Field(validation_alias=AliasChoices("subset", OLD_SUBSET))] = "test"
    n_way: Annotated[int, Field(ge=2, strict=True)] = 5
    k_shot: Count = 1
    n_query: Count = EvaluationConfig.n_query
    episodes: Episodes = EvaluationConfig.episodes
    seed: Seed = 0
    baselines: tuple[Baseline, ...] = ()
    """Further rows to score on the same episodes, see `dastm.evaluation.baselines`."""
    too_few: TooFew = "error"
    """What to do if classes have fewer than k_shot + n_query clips: stop, or leave them out and name them."""
    allow_seen: bool = False
    """Also score classes that the run was trained or validated on."""
    convert: bool = False
    """If the shards differ from the run's, convert what can be converted: order of joints, number of frames."""
    open_set: Annotated[int, Field(ge=0, strict=True)] = 0
    """Number of further classes of an episode that have queries but no examples: the right answer is none of these."""
    by: By | None = None
    """Take the examples and queries of an episode from different subjects (cameras, setups), as the clips name them."""
    shots: Annotated[tuple[Count, ...], AfterValidator(distinct)] = ()
    """Also score the same queries with these numbers of examples per class: the first ones of the same draw."""

    @model_validator(mode="after")
    def _options_go_together(self) -> "EvalConfig":
        if self.protocol == "leave-one-out" and self.by is None:
            raise ValueError("leave-one-out needs `by` (--by): subject, camera or setup")
        if self.protocol == "one-shot" and (self.by or self.shots):
            raise ValueError("by and shots (--by, --shots): not with the one-shot protocol")
        if self.shots and self.open_set:
            raise ValueError("shots (--shots): not with unknown classes (--open-set)")
        return self

    @property
    def most_shots(self) -> int:
        """Number of examples that are drawn for each class."""
        return max((self.k_shot, *self.shots))

    @property
    def name(self) -> str:
        """Short name of the episodes, e.g. test-5way-1shot-5q-500e-seed0, or test-one-shot."""
        if self.protocol == "one-shot":
            return f"{self.subset}-one-shot"
        end = (f"-shots{'_'.join(map(str, self.shots))}" if self.shots else "") + f"-seed{self.seed}"
        if self.protocol == "leave-one-out":
            return f"{self.subset}-leave-one-{self.by}-out-{self.k_shot}shot{end}"
        shape = f"{self.n_way}way-{self.k_shot}shot-{self.n_query}q-{self.episodes}e"
        beside = (f"-{self.open_set}unknown" if self.open_set else "") + (f"-by-{self.by}" if self.by else "")
        return f"{self.subset}-{shape}{beside}{end}"

    def to_dict(self) -> dict[str, Any]:
        """The settings that apply to the protocol, as metrics.json holds them."""
        unused = {*FIXED[self.protocol], *(key for key in ("open_set", "by", "shots") if not getattr(self, key))}
        settings = {OLD_SUBSET if key == "subset" else key: value for key, value in asdict(self).items()}
        return {key: value for key, value in settings.items() if key not in unused}
