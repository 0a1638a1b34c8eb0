"""A whole training step: against the CPU, again with the same bits, without waiting for the device, and its time."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from dastm.bench.case import Setting
from dastm.bench.episodes import EpisodeWork, random_episode
from dastm.config.load import load_config
from dastm.contract.skeleton import LAYOUTS
from dastm.layers.dropout import generators
from dastm.model.network import build_recogniser
from dastm.runs.device import precision
from dastm.training.capture import CHECKED, WARM_UP, CudaGraphs
from dastm.training.state import TrainingState, adam
from dastm.training.step import record_steps, train_step
from tests.bench.gpu.findings import Findings, differing, error

T = TypeVar("T")
SHAPES = (("ntu25", 2, 1), ("ntu25", 2, 5), ("ntu25", 2, 10), ("openpose18", 2, 10))
"""Layout, bodies a clip, queries a class."""
SMALL = ("ntu25", 1, 1)
AGAINST_CPU = {"float32": 2e-2, "tf32": 0.2, "bf16": 0.5}
AGAINST_EAGER = {"float32": 1e-4, "tf32": 1e-2, "bf16": 5e-2}


def against_cpu(found: Findings) -> None:
    """Gradients of one step on the device and on the CPU, from the same weights and clips."""
    shape = SHAPES[0] if found.on_gpu else SMALL
    true = _row(_gradients("float32", shape, torch.device("cpu")))
    for name in found.precisions:
        own = _row(_gradients(name, shape, found.device))
        found.note(f"step against the CPU, {name}", error(own, true), AGAINST_CPU[name])


def same_bits(found: Findings) -> None:
    """The gradients of three equal steps."""
    shape = SHAPES[1] if found.on_gpu else SMALL
    for name in found.precisions:
        first, *others = (_gradients(name, shape, found.device) for _ in range(3 if found.on_gpu else 2))
        different = max(differing(first, other) for other in others)
        found.note(f"step again, {name}: weights whose gradients differ", different, 0)


def never_waits(found: Findings) -> None:
    """A step after the first asks the device for nothing."""
    if not found.on_gpu:
        found.note("step without waiting", "left out: it needs a GPU")
        return
    with precision(found.device, "float32"):
        work = _work("float32", SHAPES[0], found.device)
        work.train()
        found.wait()
        torch.cuda.set_sync_debug_mode("error")
        try:
            work.train()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found.note("steps that wait for the device", 0.0, 0)


class Again:
    """Where there are no CUDA graphs: what is recorded is computed again each time, on the tensors of the first."""

    def usual(self, work: Callable[[], T]) -> T:
        """Now."""
        return work()

    def record(self, work: Callable[[], T]) -> Callable[[], T]:
        """Each time."""
        return work


def replayed(found: Findings) -> None:
    """Weights after some steps of each recipe as its training takes them: computed anew, and replayed."""
    for preset in ("paper", "release", "small", "best") if found.on_gpu else ("best",):
        with precision(found.device, "float32"):
            reasons: list[str] = []
            anew, again = (_trained(preset, found.device, tell) for tell in (None, reasons.append))
        found.note(f"{preset}: weights after replayed steps", error(again, anew), 1e-3)
        for reason in reasons:
            found.note(f"{preset}: steps are not captured: {reason}", 1.0, 0.0)


def _trained(preset: str, device: torch.device, tell: Callable[[str], None] | None) -> Tensor:
    """All weights in a row after some steps that are computed, some that are compared, and some only replayed.

    With `tell` they are recorded, and it is called if they are computed after all.
    """
    config = load_config(preset, {"optimise.learning_rate": 2.0**-10, "optimise.schedule": "constant"})
    model = build_recogniser(config, LAYOUTS["ntu25"], 0).to(device).train()
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    if tell:
        on_gpu = device.type == "cuda"
        record_steps(state, config, CudaGraphs(lambda: generators(model)) if on_gpu else Again(), tell)
    for number in range(WARM_UP + CHECKED + 3):
        episode = random_episode(Setting(device=device), "ntu25", 2, 1, seed=number)
        train_step(state, config, iter([episode]))
        state.episode += 1
    return _row(list(model.parameters()))


def times(found: Findings) -> None:
    """Milliseconds of a step: eager, captured, and what its kernels take; the profile goes into a file."""
    for shape in SHAPES if found.on_gpu else (SMALL,):
        for name in found.precisions:
            with precision(found.device, name):
                _time(found, shape, name)
            if found.on_gpu:
                torch.cuda.empty_cache()


def _time(found: Findings, shape: tuple[str, int, int], name: str) -> None:
    layout, n_bodies, n_query = shape
    title = f"{layout}, {n_bodies} bodies, {n_query} queries, {name}"
    eager = _work(name, shape, found.device, capturable=found.on_gpu)
    wall, host = found.milliseconds(eager.train)
    found.note(f"{title}: eager, ms", wall)
    found.note(f"{title}: of it the host, ms", host)
    if not found.on_gpu:
        return
    found.note(f"{title}: peak, GB", torch.cuda.max_memory_allocated(found.device) / 1e9)
    caught = _work(name, shape, found.device, capturable=True)
    found.note(f"{title}: captured, ms", found.milliseconds(caught.capture(caught.train_gathered))[0])
    worst = error(_row(_of(caught)), _row(_of(eager)))
    found.note(f"{title}: captured against eager", worst, AGAINST_EAGER[name])
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        eager.train()
        found.wait()
    kernels = [event for event in seen.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    found.note(f"{title}: kernels", float(len(kernels)))
    found.note(f"{title}: time in kernels, ms", sum(event.device_time for event in kernels) / 1e3)
    table = seen.key_averages().table(sort_by="device_time_total", row_limit=40)
    (found.out / f"profile-{layout}-{n_query}-{name}.txt").write_text(table)


def _work(name: str, shape: tuple[str, int, int], device: torch.device, *, capturable: bool = False) -> EpisodeWork:
    work = EpisodeWork(Setting(device=device, precision=name), *shape, capturable=capturable)
    work.model.train()
    return work


def _gradients(name: str, shape: tuple[str, int, int], device: torch.device) -> list[Tensor]:
    with precision(device, name):
        work = _work(name, shape, device)
        work.train()
        return _of(work)


def _of(work: EpisodeWork) -> list[Tensor]:
    return [weight.grad.clone() for weight in work.model.parameters() if weight.grad is not None]


def _row(tensors: list[Tensor]) -> Tensor:
    return torch.cat([one.flatten() for one in tensors])
