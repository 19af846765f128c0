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


def forecast_scores(y_true: np.ndarray, y_pred: np.ndarray, seasonal_error: np.ndarray | float | None) -> Scores:
    """Return MAE, RMSE, sMAPE and, with a seasonal error, MASE.

    sMAPE is the mean of 200 |y - f| / (|y| + |f|), 0 if both are 0 (Makridakis and Hibon 2000, "The M3-Competition").
    MASE is the mean of the errors, each over the MAE of the seasonal naive forecast in the train rows of its series
    (Hyndman and Koehler 2006, "Another look at measures of forecast accuracy", section 3).

    Args:
        y_true: (n_windows, horizon), NaN for missing values.
        y_pred: (n_windows, horizon).
        seasonal_error: MAE of the seasonal naive forecast in the train rows, one number or (n_windows, 1); NaN if a
            series has none. MASE leaves these forecasts out, and is left out if none is left.
    """
    has_value = np.isfinite(y_true)
    absolute, squared, relative = forecast_errors(y_true[has_value], y_pred[has_value])
    scores = {
        "mae": float(absolute.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "smape": float(relative.mean()),
    }
    scaled = scaled_errors(absolute, np.broadcast_to(_as_array(seasonal_error), y_true.shape)[has_value])
    return {**scores, "mase": float(np.nanmean(scaled))} if np.isfinite(scaled).any() else scores


def scaled_errors(absolute: np.ndarray, seasonal_error: np.ndarray) -> np.ndarray:
    """Return what each forecast contributes to MASE, NaN if its series has no seasonal error."""
    scaled: np.ndarray = absolute / np.where(seasonal_error > 0, seasonal_error, np.nan)
    return scaled


def _as_array(seasonal_error: np.ndarray | float | None) -> np.ndarray:
    return np.asarray(np.nan if seasonal_error is None else seasonal_error, dtype=np.float64)


def forecast_errors(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each forecast contributes to MAE, to the square of RMSE and to sMAPE, each of the inputs' shape."""
    truth, prediction = y_true.astype(np.float64), y_pred.astype(np.float64)
    error, size = np.abs(truth - prediction), np.abs(truth) + np.abs(prediction)
    return error, np.square(error), np.divide(200 * error, size, out=np.zeros_like(error), where=size > 0)


def interval_coverage(y_true: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Return the share of true values from low to high, over the forecasts that have an interval.

    Args:
        y_true, low, high: (n_windows, horizon); y_true NaN for missing values, low and high without an interval, at
            least one is finite.
    """
    is_counted = np.isfinite(y_true) & np.isfinite(low)
    is_inside = (low <= y_true) & (y_true <= high)
    return float(is_inside[is_counted].mean())


class BootstrapBlocks(NamedTuple):
    """The blocks that a resample is drawn from: one starts at each step.

    Attributes:
        sums: (4, n_blocks), over the forecasts of each block that have a true value: their number, and the sums of
            their three `forecast_errors`.
        scaled: (2, n_blocks), over those whose series has a seasonal error: their number, the sum of `scaled_errors`;
            None if there is none.
        n_drawn: number of blocks in a resample.
        step: (n_forecasts,) the number of the step of each of these forecasts, from 0.
        length: of a block, in steps.
    """

    sums: np.ndarray
    n_drawn: int
    step: np.ndarray
    length: int
    scaled: np.ndarray | None = None

    @property
    def widening(self) -> float:
        """The factor that widens percentiles: those of few blocks are too narrow (Student's t against the normal)."""
        return student_t_quantile(self.n_drawn - 1) / NORMAL_QUANTILE_975


def bootstrap_blocks(
    time: pl.Series,
    ahead: pl.Series,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    seasonal_error: np.ndarray | float | None = None,
) -> BootstrapBlocks | str:
    """Return the blocks, or the reason why there are too few.

    A block is twice as long as the horizon or twice the cube root of the number of steps, whichever is longer (the
    root: Künsch 1989, "The jackknife and the bootstrap for general stationary observations").

    Args:
        time: (n_forecasts,) the predicted step, of any series.
        ahead: (n_forecasts,) how many steps ahead it was predicted.
        y_true, y_pred: (n_forecasts,), y_true NaN for missing values.
        seasonal_error: as of `forecast_scores`, one number or (n_forecasts,).
    """
    has_value = np.isfinite(y_true)
    step = _sorted_times(time.filter(pl.Series(has_value))).rank("dense").to_numpy().astype(np.int64) - 1
    n_steps, horizon = len(np.unique(step)), int(ahead.cast(pl.Int64).max() or 1)  # type: ignore[arg-type]
    length = 2 * max(horizon, round(n_steps ** (1 / 3)))
    if n_steps < MIN_DRAWN_BLOCKS * length:
        return f"the {n_steps} steps of the test rows are fewer than {MIN_DRAWN_BLOCKS} blocks of {length}"
    errors = forecast_errors(y_true[has_value], y_pred[has_value])
    sums = [_block_sums(step, values, length) for values in (np.ones(len(step)), *errors)]
    scaled = scaled_errors(errors[0], np.broadcast_to(_as_array(seasonal_error), y_true.shape)[has_value])
    counted = np.isfinite(scaled)
    of_scaled = [_block_sums(step, values, length) for values in (counted.astype(float), np.where(counted, scaled, 0))]
    n_drawn = -(-n_steps // length)
    return BootstrapBlocks(np.array(sums), n_drawn, step, length, np.array(of_scaled) if counted.any() else None)


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


def block_intervals(blocks: BootstrapBlocks, *, n_resamples: int, seed: int) -> dict[str, IntervalEnds]:
    """Return 95 % intervals of MAE, RMSE, sMAPE and, with a seasonal error, MASE, clipped at 0."""
    counts = list(draw_block_counts(blocks, n_resamples, np.random.default_rng(seed)))
    drawn = block_scores(blocks, counts)
    if blocks.scaled is not None:
        n, scaled = np.array([blocks.scaled @ resample for resample in counts]).T
        drawn["mase"] = np.divide(scaled, n, out=np.zeros_like(scaled), where=n > 0)
    ends = {name: widened_percentiles(values, blocks.widening) for name, values in drawn.items()}
    return {name: (max(0.0, low), high) for name, (low, high) in ends.items()}
