"""Resampled stretches of time, against draws that are written out, and against what they are meant to cover."""

import numpy as np
import polars as pl
import pytest

from relight.compare.predictions import RunPredictions
from relight.compare.significance import N_RESAMPLES, bootstrap_scores, difference_intervals, draw_resamples
from relight.metrics.bootstrap import student_t_quantile
from relight.metrics.forecasts import (
    BootstrapBlocks,
    block_intervals,
    bootstrap_blocks,
    draw_block_counts,
    forecast_scores,
)


def made(
    target: np.ndarray, predicted: np.ndarray, time: pl.Series | None = None, seasonal_error: float | None = None
) -> BootstrapBlocks:
    """One step ahead."""
    steps = pl.Series(np.arange(len(target))) if time is None else time
    blocks = bootstrap_blocks(steps, pl.Series([1] * len(target)), target, predicted, seasonal_error)
    assert isinstance(blocks, BootstrapBlocks)
    return blocks


def means(blocks: BootstrapBlocks) -> dict[str, np.ndarray]:
    return dict(zip(("absolute", "squared", "relative"), blocks.sums[1:] / blocks.sums[0], strict=True))


def noise(seed: int, n: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def test_a_block_goes_over_the_end_and_on_from_the_beginning() -> None:
    """The cube root of 30 steps is 3.1: blocks of 6, of which 5 make a resample. Errors are 0, 1, 2, ..., 29."""
    blocks = made(np.zeros(30), np.arange(30.0))
    assert blocks.n_drawn == 5
    assert blocks.sums[0].tolist() == [6.0] * 30
    assert means(blocks)["absolute"][0] == 2.5  # 0 to 5
    assert means(blocks)["absolute"][28] == 63 / 6  # 28 + 29 + 0 + 1 + 2 + 3
    assert means(blocks)["squared"][29] == pytest.approx((29**2 + 0 + 1 + 4 + 9 + 16) / 6)
    assert means(blocks)["relative"][1] == 200  # the truth is 0


def test_few_steps_are_not_resampled_and_the_reason_is_returned() -> None:
    steps, two_ahead = pl.Series(range(26)), pl.Series([1, 2] * 13)
    assert bootstrap_blocks(steps, two_ahead, np.zeros(26), np.zeros(26)) == (
        "the 26 steps of the test rows are fewer than 5 blocks of 6"
    )
    long = bootstrap_blocks(steps, pl.Series([24] * 26), np.zeros(26), np.zeros(26))
    assert long == "the 26 steps of the test rows are fewer than 5 blocks of 48"
    nothing = bootstrap_blocks(steps, two_ahead, np.full(26, np.nan), np.zeros(26))
    assert nothing == "the 0 steps of the test rows are fewer than 5 blocks of 4"


def test_the_same_step_of_several_windows_and_series_is_drawn_together() -> None:
    """Two series whose errors cancel each other: no resample moves the mean."""
    time = pl.Series([*range(40), *range(40)])
    off = np.abs(noise(1))
    blocks = made(np.zeros(80), np.concatenate([1 + off, 5 - off]), time, 2.0)
    assert blocks.sums[0].tolist() == [12.0] * 40  # blocks of 6 steps, with two forecasts each
    np.testing.assert_allclose(means(blocks)["absolute"], 3)
    low, high = block_intervals(blocks, n_resamples=50, seed=0)["mase"]
    assert (low, high) == pytest.approx((1.5, 1.5))


def test_steps_are_in_order_where_their_numbers_are_texts_and_those_without_a_truth_are_left_out() -> None:
    target = np.where(np.arange(41) == 7, np.nan, 0.0)
    predicted = noise(2, 41)
    texts = pl.Series([str(step) for step in range(41)])
    assert str(made(target, predicted, texts)) == str(made(target, predicted))
    left = np.arange(41) != 7
    assert str(made(target, predicted)) == str(made(target[left], predicted[left]))


def test_an_interval_is_that_of_blocks_that_are_picked_one_by_one() -> None:
    target, predicted = noise(3), noise(4)
    blocks = made(target, predicted, seasonal_error=0.5)
    intervals = block_intervals(blocks, n_resamples=30, seed=9)
    draws = np.random.default_rng(9)
    scores = []
    for _ in range(30):
        steps = np.concatenate([(start + np.arange(6)) % 40 for start in draws.integers(40, size=7)])
        scores.append(forecast_scores(target[steps, None], predicted[steps, None], 0.5))
    for name in ("mae", "rmse", "smape", "mase"):
        values = np.array([each[name] for each in scores])
        ends = values.mean() + student_t_quantile(6) / 1.959964 * (np.quantile(values, [0.025, 0.975]) - values.mean())
        assert intervals[name] == pytest.approx(tuple(ends)), name


def test_of_very_many_steps_blocks_begin_at_some() -> None:
    blocks = made(np.zeros(50_000), np.ones(50_000))
    assert len(blocks.sums[0]) == 16_667  # each third
    assert set(blocks.sums[0]) == {74.0}  # twice the cube root
    drawn = draw_block_counts(blocks, 2, np.random.default_rng(0))
    assert [blocks.sums[0] @ each for each in drawn] == [50_024.0] * 2  # 676 blocks


def lasting(generator: np.random.Generator, n: int) -> np.ndarray:
    """Errors of which each keeps eight tenths of the one before."""
    errors = np.zeros(n + 50)
    for step, fresh in enumerate(generator.normal(size=n + 50)[1:], start=1):
        errors[step] = 0.8 * errors[step - 1] + fresh
    return errors[50:]


def predictions_of(predicted: np.ndarray) -> RunPredictions:
    n = len(predicted)
    rows = pl.DataFrame({"time": [str(step) for step in range(n)], "ahead": ["1"] * n})
    return RunPredictions("forecast", rows, np.zeros(n), predicted, [""] * n, None)


def named_larger(first: RunPredictions, other: RunPredictions) -> bool:
    resamples = draw_resamples(first)
    assert not isinstance(resamples, str)
    drawn = [bootstrap_scores(each, resamples, every_score=False) for each in (first, other)]
    low, high = difference_intervals(*drawn, resamples.scale)["mae"]
    return not low <= 0 <= high


def test_two_forecasts_of_the_same_worth_are_seldom_told_apart_and_a_better_one_is() -> None:
    """Errors that last: as if they were independent, 3 of 10 pairs of the same worth would be named apart."""
    generator = np.random.default_rng(5)
    pairs = [(lasting(generator, 300), lasting(generator, 300)) for _ in range(100)]
    alike = [named_larger(predictions_of(one), predictions_of(two)) for one, two in pairs]
    better = [named_larger(predictions_of(one), predictions_of(0.5 * two)) for one, two in pairs]
    naive = []
    for one, two in pairs:
        moved = np.abs(two) - np.abs(one)
        naive.append(abs(moved.mean()) > 1.96 * moved.std() / np.sqrt(300))
    assert sum(alike) <= 12
    assert sum(naive) >= 25
    assert sum(better) >= 95
    assert N_RESAMPLES == 500
