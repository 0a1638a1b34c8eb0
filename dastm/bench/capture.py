"""A step that never waits for the device -> the same step recorded as a CUDA graph and replayed without Python.

After PyTorch's notes on CUDA graphs (https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture): a few
runs on a side stream first, so that libraries and allocator have settled; then one run is recorded, its gradients in
the memory of the graph. Replays read and write the very tensors of the recorded run.
"""

import torch

from dastm.bench.case import Work

WARM_UP = 3


def captured(step: Work, refresh: Work) -> Work:
    """Work that puts an input into place and replays `step`; recorded when it is first called.

    `step` must set gradients to None before its backward pass, and its optimiser be made with `capturable=True`.
    """
    graphs: list[torch.cuda.CUDAGraph] = []

    def work() -> None:
        if not graphs:
            graphs.append(_record(step))
        refresh()
        graphs[0].replay()

    return work


def _record(step: Work) -> torch.cuda.CUDAGraph:
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph
