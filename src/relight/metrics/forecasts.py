"""Scores of forecasts over the steps that have a true value, and their intervals by a block bootstrap.

Windows overlap, and errors at neighbouring steps are correlated: they are no independent draws. So blocks of
neighbouring steps are drawn, wrapping around from the last step to the first (Politis and Romano 1992, "A circular
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
    """Return MAE, RMSE, sMAPE and, with a seasonal error, MASE.

    sMAPE is the mean of 200 |y - f| / (|y| + |f|), 0 if both are 0 (Makridakis and Hibon 2000, "The M3-Competition").
    MASE is the MAE over that of the seasonal naive forecast in the train rows (Hyndman and Koehler 2006, "Another look
    at measures of forecast accuracy").

    Args:
        y_true: (n_windows, horizon), NaN for missing values.
        y_pred: (n_windows, horizon).
        seasonal_error: MAE of the seasonal naive forecast in the train rows; None leaves MASE out.
    """
    has_value = np.isfinite(y_true)
    absolute, squared, relative = forecast_errors(y_true[has_value], y_pred[has_value])
    scores = {
        "mae": float(absolute.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "smape": float(relative.mean()),
    }
    return scores if seasonal_error is None else {**scores, "mase": scores["mae"] / seasonal_error}


def forecast_errors(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each forecast contributes to MAE, to the square of RMSE and to sMAPE, each of the inputs' shape."""
    truth, prediction = y_true.astype(np.float64), y_pred.astype(np.float64)
    error, size = np.abs(truth - prediction), np.abs(truth) + np.abs(prediction)
    return error, np.square(error), np.divide(200 * error, size, out=np.zeros_like(error), where=size > 0)


def interval_coverage(y_true: np.ndarray, y_pred: np.ndarray, widths: np.ndarray) -> float:
    """Return the share of true values within y_pred ± widths, over the steps ahead that have an interval.

    Args:
        y_true, y_pred: (n_windows, horizon), y_true NaN for missing values.
        widths: (horizon,), half the width of each step's interval; NaN without one, at least one is finite.
    """
    is_counted = np.isfinite(y_true) & np.isfinite(widths)
    is_inside = np.abs(y_true.astype(np.float64) - y_pred) <= widths
    return float(is_inside[is_counted].mean())


class BootstrapBlocks(NamedTuple):
    """The blocks that a resample is drawn from: one starts at each step.

    Attributes:
        sums: (4, n_blocks), over the forecasts of each block that have a true value: their number, and the sums of
            their three `forecast_errors`.
        n_drawn: number of blocks in a resample.
        step: (n_forecasts,) the number of the step of each of these forecasts, from 0.
        length: of a block, in steps.
    """

    sums: np.ndarray
    n_drawn: int
    step: np.ndarray
    length: int

    @property
    def widening(self) -> float:
        """The factor that widens percentiles: those of few blocks are too narrow (Student's t against the normal)."""
        return student_t_quantile(self.n_drawn - 1) / NORMAL_QUANTILE_975


def bootstrap_blocks(
    time: pl.Series, ahead: pl.Series, y_true: np.ndarray, y_pred: np.ndarray
) -> BootstrapBlocks | str:
    """Return the blocks, or the reason why there are too few.

    A block is twice as long as the horizon or twice the cube root of the number of steps, whichever is longer (the
    root: Künsch 1989, "The jackknife and the bootstrap for general stationary observations").

    Args:
        time: (n_forecasts,) the predicted step, of any series.
        ahead: (n_forecasts,) how many steps ahead it was predicted.
        y_true, y_pred: (n_forecasts,), y_true NaN for missing values.
    """
    has_value = np.isfinite(y_true)
    step = _sorted_times(time.filter(pl.Series(has_value))).rank("dense").to_numpy().astype(np.int64) - 1
    n_steps, horizon = len(np.unique(step)), int(ahead.cast(pl.Int64).max() or 1)  # type: ignore[arg-type]
    length = 2 * max(horizon, round(n_steps ** (1 / 3)))
    if n_steps < MIN_DRAWN_BLOCKS * length:
        return f"the {n_steps} steps of the test rows are fewer than {MIN_DRAWN_BLOCKS} blocks of {length}"
    errors = forecast_errors(y_true[has_value], y_pred[has_value])
    sums = [_block_sums(step, values, length) for values in (np.ones(len(step)), *errors)]
    return BootstrapBlocks(np.array(sums), -(-n_steps // length), step, length)


def _sorted_times(time: pl.Series) -> pl.Series:
    """Return numbers that were read as texts as numbers, so that they sort; other texts of times sort as they are."""
    numbers = time.cast(pl.Float64, strict=False) if time.dtype == pl.String else time
    return time if numbers.has_nulls() else numbers


def _block_sums(step: np.ndarray, values: np.ndarray, length: int) -> np.ndarray:
    """Return (n_blocks,), the sum of the block that starts at each step (each k-th of more than 20,000 steps)."""
    step_sums = np.bincount(step, values)
    wrapped = np.concatenate([step_sums, step_sums[: length - 1]])
    sums: np.ndarray = sliding_window_view(wrapped, length)[:: _steps_between(len(step_sums))].sum(axis=1)
    return sums


def _steps_between(n_steps: int) -> int:
    """Return the number of steps from the start of a block to that of the next."""
    return -(-n_steps // MAX_BLOCKS)


def forecast_counts(blocks: BootstrapBlocks, counts: np.ndarray) -> np.ndarray:
    """Return how often a resample holds each forecast that has a true value, (n_forecasts,).

    Args:
        counts: (n_blocks,) how often it holds each block.
    """
    starts = np.zeros(int(blocks.step.max()) + 1)
    starts[:: _steps_between(len(starts))] = counts
    wrapped = np.concatenate([[0.0], starts[len(starts) - blocks.length + 1 :], starts])
    reached = np.cumsum(wrapped)
    held: np.ndarray = (reached[blocks.length :] - reached[: -blocks.length])[blocks.step]
    return held


def draw_block_counts(
    blocks: BootstrapBlocks, n_resamples: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield (n_blocks,) for each resample: how often it holds each block."""
    n_blocks = blocks.sums.shape[1]
    for _ in range(n_resamples):
        yield np.bincount(generator.integers(n_blocks, size=blocks.n_drawn), minlength=n_blocks)


def block_scores(blocks: BootstrapBlocks, counts: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Return MAE, RMSE and sMAPE of each resample, (n_resamples,) each."""
    n, absolute, squared, relative = np.array([blocks.sums @ resample for resample in counts]).T
    return {"mae": absolute / n, "rmse": np.sqrt(squared / n), "smape": relative / n}


def block_intervals(
    blocks: BootstrapBlocks, seasonal_error: float | None, *, n_resamples: int, seed: int
) -> dict[str, IntervalEnds]:
    """Return 95 % intervals of MAE, RMSE, sMAPE and, with a seasonal error, MASE, clipped at 0."""
    drawn = block_scores(blocks, draw_block_counts(blocks, n_resamples, np.random.default_rng(seed)))
    if seasonal_error is not None:
        drawn["mase"] = drawn["mae"] / seasonal_error
    ends = {name: widened_percentiles(values, blocks.widening) for name, values in drawn.items()}
    return {name: (max(0.0, low), high) for name, (low, high) in ends.items()}
