"""Points on a known line: the data of the tutorial."""

import numpy as np
import polars as pl

from relight.errors import InputError
from relight.params.line import LineParams


def generate_line(params: LineParams, target: str | list[str]) -> pl.DataFrame:
    """Columns `x` and the target: y = weight * x + bias (+ noise), (n_points,) each.

    Bit for bit the tutorial's `X = torch.arange(start, stop, step)` and `y = weight * X + bias`.
    """
    if not isinstance(target, str):
        raise InputError("prepare.target: a line has one target; name it y")
    if target == "x":
        raise InputError("prepare.target: x is the input of a line; name the target y")
    x = _arange(params.start, params.stop, params.step)
    y = np.float32(params.weight) * x + np.float32(params.bias)
    if params.noise > 0:
        drawn = np.random.default_rng(params.seed).normal(0, params.noise, len(x))
        y = y + drawn.astype(np.float32)
    return pl.DataFrame({"x": x, target: y})


def truth_of(params: LineParams) -> dict[str, float]:
    """What a model should learn from the points."""
    return {"weight": params.weight, "bias": params.bias}


def _arange(start: float, stop: float, step: float) -> np.ndarray:
    """float32 points from start, not including stop, with the rounding of `torch.arange` on one thread.

    PyTorch counts in vectors of eight, two at a time: the first of each eight is rounded to float32
    before the others are added to it. The rest that fills no two vectors is counted one by one.
    """
    n_points = int(np.ceil((stop - start) / step))
    index = np.arange(n_points)
    in_vectors = index < n_points // 16 * 16
    first_of_eight = _counted(start, index // 8 * 8, step).astype(np.float32).astype(np.float64)
    points = np.where(in_vectors, _counted(first_of_eight, index % 8, step), _counted(start, index, step))
    return points.astype(np.float32)


def _counted(start: float | np.ndarray, index: np.ndarray, step: float) -> np.ndarray:
    """start + index * step without rounding the product, as PyTorch's fused multiply-add: near 0 it shows.

    The step is cut in two, short enough that the product of each with an index below 2^24 is exact.
    """
    high = float(np.float32(step))
    return start + index * high + index * (step - high)
