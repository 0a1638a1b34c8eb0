"""What a checkpoint of the paper's network costs the training, compared with a copy of its tensors: the least that it
would still cost if another thread wrote the file.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from dastm.bench.case import Case, Setting, Work
from dastm.bench.episodes import EpisodeWork
from dastm.runs.checkpoint import save_checkpoint
from dastm.training.state import TrainingState


def state(setting: Setting) -> TrainingState:
    """After one episode of NTU's shape: Adam has both of its moments."""
    work = EpisodeWork(setting, "ntu25", 1, 1)
    work.train()
    return TrainingState(seed=0, model=work.model, optimiser=work.optimiser)


def written(setting: Setting) -> Work:
    """A file that is flushed to the disk of the temporary folder."""
    of_training = state(setting)

    def work() -> None:
        with TemporaryDirectory() as folder:
            save_checkpoint(Path(folder) / "last.pt", of_training.to_dict())

    return work


def copied(setting: Setting) -> Work:
    """All tensors of a checkpoint in new memory of the host."""
    of_training = state(setting)

    def work() -> list[Tensor]:
        return [tensor.to("cpu", copy=True) for tensor in of_training.tensors()]

    return work


def checkpoint_cases() -> dict[str, Case]:
    """The case by its name."""
    return {"checkpoint of the paper's network": Case(variants={"ours": written, "copy of the tensors": copied})}
