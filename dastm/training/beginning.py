"""Starts a training from the weights of another run (`dastm train --from`), and checks that they fit.

In: a run or a shipped encoder, and the configuration and shards of the new training. Out: the record of the training,
which names the other run, and a network with its weights; or an error that names the key in which backbone or skeleton
differ.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.episodes.common import mapped_manifest
from dastm.model.network import Recogniser
from dastm.runs.encoders import best_weights
from dastm.runs.fit import N_FRAMES, differences
from dastm.runs.record import TrainingRecord

TAKEN = ("backbone", "augment", "matching")
"""Sections of the other run's configuration that the new training uses, but for one key (`Beginning.sections`)."""
REGULARISES = ("dropout", "drop_edge")
"""Options of the backbone that may differ, because the weights keep their meaning."""


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The run that a training starts from."""

    name: str
    record: TrainingRecord
    weights: Mapping[str, Any]
    digest: str

    @staticmethod
    def read(run: Path, name: str) -> "Beginning":
        """Read the run. Raises: RunError if it is not finished, or damaged."""
        record = TrainingRecord.read(run)
        weights, digest = best_weights(run, record)
        return Beginning(name=name, record=record, weights=weights, digest=digest)

    def sections(self) -> dict[str, Any]:
        """The sections of its configuration that are used together with the weights.

        If its distance is a product, `matching.path_power` is left to the presets: how much a network counts beside
        the path depends on what it has learned from.
        """
        document = self.record.config.to_dict()
        taken = {section: dict(document[section]) for section in TAKEN}
        if taken["matching"]["path_power"]:
            del taken["matching"]["path_power"]
        return taken

    def note(self, config: Config) -> str | None:
        """A line that says so if the new training has another `matching.path_power`."""
        now, there = config.matching.path_power, self.record.config.matching.path_power
        return None if now == there else f"matching.path_power is {now}, not {there} as in {self.name}"

    def of(self, record: TrainingRecord, manifest: Manifest) -> TrainingRecord:
        """The record of a training on shards (with this stored manifest) that starts from this run.

        Raises: RunError naming each key of backbone, layout or preparation in which the two differ.
        """
        found = [*self._of_backbone(record), *self._of_data(record, manifest)]
        if found:
            raise RunError(f"--from {self.name}: its weights do not fit: {'; '.join(found)}; train without --from")
        begun = {"run": self.name, "weights": self.digest}
        return replace(record, begun_from=begun, seen_before=self.record.all_seen())

    def _of_backbone(self, record: TrainingRecord) -> list[str]:
        then, now = (asdict(one.config.backbone) for one in (self.record, record))
        return [
            f"backbone.{key} is {now[key]}, there {then[key]}"
            for key in now
            if key not in REGULARISES and now[key] != then[key]
        ]

    def _of_data(self, record: TrainingRecord, manifest: Manifest) -> list[str]:
        then, now = (one.config.augment.layout for one in (self.record, record))
        if then != now:
            return [f"augment.layout is {now}, there {then}"]
        if self.record.layout is None or self.record.preparation is None:
            return ["the record does not say what data it was trained on (an older version wrote it)"]
        found = differences(self.record.layout, self.record.preparation, mapped_manifest(manifest, now))
        return [str(one) for one in found if one.key != f"split.{N_FRAMES}"]


def begin_with(model: Recogniser, weights: Mapping[str, Tensor]) -> str:
    """Copy weights into a network: all of the backbone, and those of the matching that fit -> which do not, in words.

    Raises: RunError if the weights of the backbone do not fit.
    """
    own = model.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    left = sorted(own.keys() - fitting.keys())
    lacking = [name for name in left if name.startswith("backbone.")]
    if lacking:
        raise RunError(f"--from: its weights do not fit this version: {lacking[0]} is another; train without --from")
    model.load_state_dict({**own, **fitting})
    return f"; of the matching as drawn: {', '.join(left)}" if left else ""
