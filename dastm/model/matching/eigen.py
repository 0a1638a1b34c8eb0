"""Eigenvalues and eigenvectors of many small symmetric matrices on the CPU, one matrix a thread.

In: matrices, as torch holds them. Out: what `torch.linalg.eigh` gives, which solves one matrix after the other.
The symmetric QR algorithm (Golub & Van Loan, Matrix Computations, 4th ed., section 8.3): Householder reflections bring
a matrix to tridiagonal form (8.3.1), then implicit QR steps with Wilkinson's shift make it diagonal (8.3.2-8.3.5).
A matrix of 25 x 25 stays in the nearest cache all the while. Eigenvectors are held as rows, so that reflections and
rotations walk along memory.

Every matrix is first divided by a power of two, so that its largest entry lies in 1..2 and squares cannot overflow.
What is then below `_TINY` counts as zero: reflections and rotations formed of such numbers' squares would not be
orthogonal.
"""

import math

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.compiled import compiled
from dastm.model.matching.threads import torch_threads

Doubles = NDArray[np.float64]

_STEPS = 30
"""QR steps that a matrix may take for each of its eigenvalues; about two suffice in practice."""
_EPS = 2.0**-53
_TINY = 2.0**-300


def eigh(matrices_VV: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, smallest first, and eigenvectors as columns.

    Shapes: matrices_VV (..., V, V) float64, symmetric and finite, on the CPU -> (..., V), (..., V, V).
    Raises: ValueError for a matrix whose eigenvalues are not found; one with nan or inf may be such.
    """
    flat = matrices_VV.reshape(-1, *matrices_VV.shape[-2:]).contiguous()
    with torch_threads():
        values, rows, found = _eigh(flat.numpy(), _STEPS)
    if not found.all():
        raise ValueError(f"no eigenvalues found for matrix {found.argmin()} of {len(found)}; does it hold nan or inf?")
    return torch.from_numpy(values).view(matrices_VV.shape[:-1]), torch.from_numpy(rows).view(matrices_VV.shape).mT


@compiled(parallel=True)
def _eigh(matrices_NVV: Doubles, n_steps: int) -> tuple[Doubles, Doubles, NDArray[np.bool_]]:
    """Eigenvalues, eigenvectors as rows, and for each matrix whether they were found."""
    values, vectors = np.empty(matrices_NVV.shape[:2]), np.empty(matrices_NVV.shape)
    found = np.empty(len(matrices_NVV), np.bool_)
    for n in prange(len(matrices_NVV)):
        # Arrays of the thread's own: views of shared ones would have the threads wait for each other's counters.
        size = _power_below(matrices_NVV[n])
        matrix, rows = matrices_NVV[n] / size, np.eye(matrices_NVV.shape[1])
        diagonal, beside = _tridiagonal(matrix, rows)
        found[n] = _diagonalise(diagonal, beside, rows, n_steps * len(rows))
        order = np.argsort(diagonal)
        for i in range(len(rows)):
            values[n, i] = diagonal[order[i]] * size
            for j in range(len(rows)):
                vectors[n, i, j] = rows[order[i], j]
    return values, vectors, found


@compiled()
def _power_below(matrix: Doubles) -> float:
    """The largest power of two not above the largest entry; one for a matrix of zeros."""
    largest = 0.0
    for row in matrix:
        for value in row:
            largest = max(largest, abs(value))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if 0 < largest < np.inf else 1.0


@compiled()
def _tridiagonal(a: Doubles, rows: Doubles) -> tuple[Doubles, Doubles]:
    """Diagonal and the entries beside it of Q^T A Q; `a` is used up, `rows` become Q^T times themselves."""
    n = len(a)
    beside, v, room = np.empty(n - 1), np.zeros(n), np.empty(n)
    for k in range(n - 1):
        head, square = a[k, k + 1], 0.0
        for j in range(k + 2, n):
            square += a[k, j] * a[k, j]
        beside[k] = head
        if square < _TINY * _TINY:
            continue
        # I - scale v v^T takes the row to (beside, 0, ..., 0)
        beside[k] = -math.copysign(math.sqrt(head * head + square), head)
        v[: k + 1] = 0
        v[k + 1 :] = a[k, k + 1 :]
        v[k + 1] -= beside[k]
        scale = 1 / (beside[k] * (beside[k] - head))
        _reflect_both_sides(a, v, room, scale, k + 1)
        _reflect(rows, v, room, scale, k + 1)
    return np.diag(a).copy(), beside


@compiled()
def _reflect_both_sides(a: Doubles, v: Doubles, room: Doubles, scale: float, start: int) -> None:
    """A <- (I - scale v v^T) A (I - scale v v^T) = A - v w^T - w v^T for a v that is zero before `start`.

    Only rows from there on; along the whole of them, since loops that all begin at zero are made vector code.
    """
    _row_sum(a, v, room, scale, start)
    product = 0.0
    for j in range(len(a)):
        product += v[j] * room[j]
    for j in range(len(a)):
        room[j] -= 0.5 * scale * product * v[j]
    for i in range(start, len(a)):
        at_v, at_w = v[i], room[i]
        for j in range(len(a)):
            a[i, j] -= at_v * room[j] + at_w * v[j]


@compiled()
def _reflect(rows: Doubles, v: Doubles, room: Doubles, scale: float, start: int) -> None:
    """Rows <- (I - scale v v^T) rows."""
    _row_sum(rows, v, room, scale, start)
    for i in range(start, len(rows)):
        weight = v[i]
        for j in range(len(rows)):
            rows[i, j] -= weight * room[j]


@compiled()
def _row_sum(rows: Doubles, v: Doubles, total: Doubles, scale: float, start: int) -> None:
    """total <- scale v^T rows."""
    total[:] = 0
    for i in range(start, len(rows)):
        weight = scale * v[i]
        for j in range(len(rows)):
            total[j] += weight * rows[i, j]


@compiled()
def _diagonalise(d: Doubles, e: Doubles, rows: Doubles, n_steps: int) -> bool:
    """Turns a tridiagonal matrix (d on the diagonal, e beside it) to a diagonal one, and `rows` with it.

    Returns whether the allowed number of steps was enough.
    """
    last = len(d) - 1
    while last > 0:
        first = last
        while first > 0 and not _negligible(d, e, first - 1):
            first -= 1
        if first == last:
            last -= 1
        elif n_steps == 0:
            return False
        else:
            _qr_step(d, e, rows, first, last)
            n_steps -= 1
    return True


@compiled()
def _negligible(d: Doubles, e: Doubles, k: int) -> bool:
    """Whether the matrix falls into two between k and k + 1."""
    return abs(e[k]) <= _EPS * (abs(d[k]) + abs(d[k + 1])) or abs(e[k]) < _TINY  # type: ignore[no-any-return]


@compiled()
def _qr_step(d: Doubles, e: Doubles, rows: Doubles, first: int, last: int) -> None:
    """T <- Q^T T Q for the QR decomposition of T - shift, by rotations that chase one entry outside down the matrix."""
    x, z = d[first] - _shift(d[last - 1], d[last], e[last - 1]), e[first]
    for k in range(first, last):
        c, s, cc, ss, cs = 1.0, 0.0, 1.0, 0.0, 0.0
        square = x * x + z * z
        if square >= _TINY * _TINY:
            # The next x waits for squares and products of cosine and sine alone: a quotient, but no root.
            root, inverse = math.sqrt(square), 1 / square
            c, s = x / root, z / root
            cc, ss, cs = x * x * inverse, z * z * inverse, x * z * inverse
        if k > first:
            e[k - 1] = c * x + s * z
        twice, apart = 2 * cs * e[k], d[k + 1] - d[k]
        d[k], d[k + 1] = cc * d[k] + ss * d[k + 1] + twice, ss * d[k] + cc * d[k + 1] - twice
        x = e[k] = (cc - ss) * e[k] + cs * apart
        if k + 1 < last:
            z = s * e[k + 1]
            e[k + 1] *= c
        _rotate(rows, k, c, s)


@compiled()
def _shift(above: float, corner: float, beside: float) -> float:
    """Wilkinson's: the eigenvalue of the last 2 x 2 block that is nearer to its corner."""
    half = (above - corner) / 2
    return corner - beside * beside / (half + math.copysign(math.sqrt(half * half + beside * beside), half))


@compiled()
def _rotate(rows: Doubles, k: int, c: float, s: float) -> None:
    for j in range(rows.shape[1]):
        upper, lower = rows[k, j], rows[k + 1, j]
        rows[k, j] = c * upper + s * lower
        rows[k + 1, j] = c * lower - s * upper
