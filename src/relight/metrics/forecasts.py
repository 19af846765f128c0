"""SMAPE, MASE, coverage, block bootstrap.

Scores of forecasts, over the steps that have a value: the field's names, the field's definitions.

How far the scores of a forecast would have moved with another stretch of time.

Windows overlap, and errors at neighbouring steps lean on each other: they are no independent draws. So blocks of
neighbouring steps are drawn, over the end and on from the beginning (Politis and Romano 1992, "A circular
block-resampling procedure for stationary data").
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from relight.metrics.bootstrap import IntervalEnds, student_t_quantile, widened_percentiles

Scores = dict[str, float]
MIN_DRAWN_BLOCKS = 5
MAX_BLOCKS = 20_000
NORMAL_QUANTILE_975 = 1.959964  # the 97.5 % quantile of the normal distribution


def forecast_scores(y_true: np.ndarray, y_pred: np.ndarray, seasonal_error: float | None) -> Scores:
    """MAE, RMSE, sMAPE and MASE.

    sMAPE is the mean of 200 |y - f| / (|y| + |f|), 0 where both are 0 (Makridakis et al. 2000, "The M3-Competition").
    MASE is the MAE over that of the seasonal naive forecast in the train rows (Hyndman and Koehler 2006).

    Args:
        target: (n_windows, horizon), NaN where there is none.
        predicted: (n_windows, horizon).
    """
    there = np.isfinite(y_true)
    absolute, squared, relative = forecast_errors(y_true[there], y_pred[there])
    scores = {
        "mae": float(absolute.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "smape": float(relative.mean()),
    }
    return scores if seasonal_error is None else {**scores, "mase": scores["mae"] / seasonal_error}


def forecast_errors(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each forecast adds to MAE, to the square of RMSE and to sMAPE."""
    truth, prediction = y_true.astype(np.float64), y_pred.astype(np.float64)
    off, size = np.abs(truth - prediction), np.abs(truth) + np.abs(prediction)
    return off, np.square(off), np.divide(200 * off, size, out=np.zeros_like(off), where=size > 0)


def interval_coverage(y_true: np.ndarray, y_pred: np.ndarray, widths: np.ndarray) -> float:
    """The share of the truth within the intervals, over the steps ahead that have one.

    Args:
        widths: (horizon,), half of an interval each; NaN where there is none, of all of them at least one.
    """
    there = np.isfinite(y_true) & np.isfinite(widths)
    inside = np.abs(y_true.astype(np.float64) - y_pred) <= widths
    return float(inside[there].mean())


class BootstrapBlocks(NamedTuple):
    """What a resample is drawn from: a block of steps from each of them on.

    Attributes:
        sums: (4, n_blocks) of the forecasts with a truth in each block: how many, and their errors as `errors_of` them.
        n_drawn: how many blocks make a resample.
    """

    sums: np.ndarray
    n_drawn: int

    @property
    def widening(self) -> float:
        """Percentiles of few blocks are too near to each other, as the normal's are beside Student's t."""
        return student_t_quantile(self.n_drawn - 1) / NORMAL_QUANTILE_975


def bootstrap_blocks(
    time: pl.Series, ahead: pl.Series, y_true: np.ndarray, y_pred: np.ndarray
) -> BootstrapBlocks | str:
    """The blocks, or why there are too few.

    They are twice as long as the horizon, and twice the cube root of the number of steps, whichever is more (Künsch
    1989, "The jackknife and the bootstrap for general stationary observations", for the root).

    Args:
        time: (n_forecasts,) of the step that is foretold, of any series.
        ahead: (n_forecasts,) how many steps ahead that was.
        target, predicted: (n_forecasts,), the target NaN where there is none.
    """
    there = np.isfinite(y_true)
    step = _sorted_times(time.filter(pl.Series(there))).rank("dense").to_numpy().astype(np.int64) - 1
    n_steps, horizon = len(np.unique(step)), int(ahead.cast(pl.Int64).max() or 1)  # type: ignore[arg-type]
    length = 2 * max(horizon, round(n_steps ** (1 / 3)))
    if n_steps < MIN_DRAWN_BLOCKS * length:
        return f"the {n_steps} steps of the test rows are fewer than {MIN_DRAWN_BLOCKS} blocks of {length}"
    errors = forecast_errors(y_true[there], y_pred[there])
    sums = [_block_sums(step, values, length) for values in (np.ones(len(step)), *errors)]
    return BootstrapBlocks(np.array(sums), -(-n_steps // length))


def _sorted_times(time: pl.Series) -> pl.Series:
    """Numbers that were read as texts are numbers again; other texts of times are in order."""
    numbers = time.cast(pl.Float64, strict=False) if time.dtype == pl.String else time
    return time if numbers.has_nulls() else numbers


def _block_sums(step: np.ndarray, values: np.ndarray, length: int) -> np.ndarray:
    """(n_blocks,) the sum in the block from each step on; of very many steps, from each second, third, ... one."""
    of_steps = np.bincount(step, values)
    around = np.concatenate([of_steps, of_steps[: length - 1]])
    sums: np.ndarray = sliding_window_view(around, length)[:: -(-len(of_steps) // MAX_BLOCKS)].sum(axis=1)
    return sums


def draw_block_counts(
    blocks: BootstrapBlocks, n_resamples: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """(n_blocks,) how often each block is in each resample."""
    n_blocks = blocks.sums.shape[1]
    for _ in range(n_resamples):
        yield np.bincount(generator.integers(n_blocks, size=blocks.n_drawn), minlength=n_blocks)


def block_scores(blocks: BootstrapBlocks, counts: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Each score of each resample."""
    n, absolute, squared, relative = np.array([blocks.sums @ resample for resample in counts]).T
    return {"mae": absolute / n, "rmse": np.sqrt(squared / n), "smape": relative / n}


def block_intervals(
    blocks: BootstrapBlocks, seasonal_error: float | None, *, n_resamples: int, seed: int
) -> dict[str, IntervalEnds]:
    """95 % intervals of MAE, RMSE, sMAPE and MASE, none of which is below 0."""
    drawn = block_scores(blocks, draw_block_counts(blocks, n_resamples, np.random.default_rng(seed)))
    if seasonal_error is not None:
        drawn["mase"] = drawn["mae"] / seasonal_error
    ends = {name: widened_percentiles(values, blocks.widening) for name, values in drawn.items()}
    return {name: (max(0.0, low), high) for name, (low, high) in ends.items()}
