"""An LSTM layer (Hochreiter & Schmidhuber 1997; gates i, f, g, o as PyTorch stores them), step by step in numpy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def layer(x_TI: Array, weights: Mapping[str, Array]) -> Array:
    """One clip through one layer; `weights` as in the state dict of an nn.LSTM of one layer -> (T, H)."""
    n_units = weights["weight_hh_l0"].shape[1]
    state, cell = np.zeros(n_units), np.zeros(n_units)
    states = []
    for x in x_TI:
        gates = weights["weight_ih_l0"] @ x + weights["bias_ih_l0"] + weights["weight_hh_l0"] @ state
        i, f, g, o = np.split(gates + weights["bias_hh_l0"], 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(cell)
        states.append(state)
    return np.array(states)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
