"""A whole training step: against the CPU, again with the same bits, without waiting for the device, and its time."""

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from dastm.bench.case import Setting
from dastm.bench.episodes import EpisodeWork
from dastm.runs.device import precision
from tests.bench.gpu.findings import Findings, differing, error

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
