"""Own metrics that say again what Relight's scores say: the same values, the same intervals, by another way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.errors import InputError
from relight.metrics.bootstrap import MAX_BOOTSTRAP_ROWS, bootstrap_intervals
from relight.metrics.forecasts import BootstrapBlocks, block_intervals, bootstrap_blocks, forecast_counts
from relight.metrics.own import OwnMetric
from relight.metrics.own_scores import OwnScorer, own_block_intervals, own_intervals, own_scores, query_counts
from relight.metrics.scorers import compute_scores
from relight.own_code.calls import Call

DRAWN = {"n_resamples": 200, "seed": 3}
draw = np.random.default_rng(0)
_START = draw.bit_generator.state


@pytest.fixture(autouse=True)
def same_draws_whichever_tests_ran_before() -> None:
    draw.bit_generator.state = _START


TRUE = draw.normal(size=60)
SAID, WEIGHT = TRUE + draw.normal(size=60), draw.uniform(0.5, 2, size=60)


def metric(name: str, function: Callable[..., Any]) -> OwnMetric:
    call = Call.model_construct(call=f"own:{name}")
    return OwnMetric(name, "lower", "evaluate.metrics.0", call, function, f"own:{name} (own.py:1)", "0")


def mae(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray) -> float:
    return float(np.average(np.abs(y_true - y_pred), weights=sample_weight))


def plain_mae(y_true: np.ndarray, y_pred: np.ndarray, _weight: np.ndarray) -> float:
    return float(np.abs(y_true - y_pred).mean())


def top_is_relevant(y_true: np.ndarray, y_pred: np.ndarray, _weight: np.ndarray) -> float:
    """The share of queries whose first candidate is relevant; the rows of a query must stand together."""
    starts = np.flatnonzero(np.diff(y_true[:, 1], prepend=-1))
    assert len(starts) == len(np.unique(y_true[:, 1]))
    parts = zip(np.split(y_true[:, 0], starts[1:]), np.split(y_pred, starts[1:]), strict=True)
    return float(np.mean([relevance[score.argmax()] > 0 for relevance, score in parts]))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_score_and_its_interval_are_those_of_the_same_score_of_relight(weight: np.ndarray | None) -> None:
    own = [metric("mine", mae)]
    rows = ("regression", TRUE, SAID, weight)
    assert own_scores(own, *rows)["mine"] == pytest.approx(compute_scores(*rows)["mae"], abs=1e-15)
    expected = bootstrap_intervals(*rows, **DRAWN)["mae"]
    assert own_intervals(own, *rows, **DRAWN)["mine"] == pytest.approx(expected, abs=1e-12)


def test_a_metric_that_does_not_use_the_weights_has_the_same_interval() -> None:
    rows = ("regression", TRUE, SAID, None)
    intervals = own_intervals([metric("one", mae), metric("two", plain_mae)], *rows, **DRAWN)
    assert intervals["two"] == pytest.approx(intervals["one"], abs=1e-12)
    assert intervals["two"][0] < intervals["two"][1]


def test_of_many_rows_a_part_is_resampled_as_of_relight_s_scores() -> None:
    n_rows = MAX_BOOTSTRAP_ROWS + 5000
    true = np.random.default_rng(1).normal(size=n_rows)
    said = true + np.random.default_rng(2).normal(size=n_rows)
    rows, few = ("regression", true, said, None), {"n_resamples": 10, "seed": 0}
    expected = bootstrap_intervals(*rows, **few)["mae"]
    assert own_intervals([metric("mine", mae)], *rows, **few)["mine"] == pytest.approx(expected, abs=1e-12)


def test_classes_are_whole_numbers_and_probabilities_have_a_column_each() -> None:
    shares = draw.dirichlet([1, 1, 1], size=30).astype(np.float32)
    codes = draw.integers(3, size=30)

    def brier(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
        return float(np.average(((y_pred - np.eye(3)[y_true]) ** 2).sum(axis=1), weights=weight))

    rows = ("multiclass", codes, shares, None)
    assert own_scores([metric("mine", brier)], *rows)["mine"] == pytest.approx(compute_scores(*rows)["brier"])
    expected = bootstrap_intervals(*rows, **DRAWN)["brier"]
    assert own_intervals([metric("mine", brier)], *rows, **DRAWN)["mine"] == pytest.approx(expected, abs=1e-12)


def test_a_query_that_is_drawn_twice_is_two_queries() -> None:
    """Two queries of two candidates: that of the first is in order, that of the other is not."""
    target = np.array([[1.0, 7], [0, 7], [1, 3], [0, 3]])
    scorer = OwnScorer([metric("top", top_is_relevant)], "ranking", target, np.array([2.0, 1, 1, 2]), np.ones(4))
    assert scorer(np.array([1, 1, 1, 1])) == {"top": 0.5}
    assert scorer(np.array([2, 2, 0, 0])) == {"top": 1.0}
    assert scorer(np.array([2, 2, 1, 1])) == {"top": pytest.approx(2 / 3)}


def test_of_a_ranking_whole_queries_are_drawn_from_all_of_them() -> None:
    target = np.column_stack([np.tile([1.0, 0, 1], 40), np.repeat(np.arange(40), 3)])
    target[:3, 0] = 0  # nothing in it is relevant: Relight's scores leave it out
    counts = np.array(list(query_counts(target, n_resamples=500, seed=0)))
    assert (counts.reshape(500, 40, 3) == counts.reshape(500, 40, 3)[:, :, :1]).all()
    assert (counts.sum(axis=1) == 120).all()
    assert counts[:, 0].mean() == pytest.approx(1, abs=0.15)
    share = own_intervals(
        [metric("top", top_is_relevant)], "ranking", target, draw.normal(size=120), None, n_resamples=500, seed=0
    )["top"]
    assert 0.4 < share[0] < share[1] < 0.95


def test_a_resample_of_blocks_is_as_many_copies_of_each_forecast() -> None:
    """Two windows of two steps ahead at each origin; the errors of a resample are those of its blocks."""
    time, ahead = pl.Series(np.repeat(np.arange(45), 2) + np.tile([0, 1], 45)), pl.Series(np.tile([1, 2], 45))
    true = draw.normal(size=90)
    true[[3, 40]] = np.nan
    said, has_value = draw.normal(size=90), np.isfinite(true)
    blocks = bootstrap_blocks(time, ahead, true, said)
    assert isinstance(blocks, BootstrapBlocks)
    counts = np.random.default_rng(5).integers(0, 3, size=blocks.sums.shape[1])
    held = forecast_counts(blocks, counts)
    assert held @ np.abs(true - said)[has_value] == pytest.approx(blocks.sums[1] @ counts)
    assert held.sum() == pytest.approx(blocks.sums[0] @ counts)
    ends = own_block_intervals([metric("mine", plain_mae)], blocks, true[has_value], said[has_value], **DRAWN)
    assert ends["mine"] == pytest.approx(block_intervals(blocks, **DRAWN)["mae"], abs=1e-9)


def test_a_score_that_is_not_defined_is_left_out_or_an_error() -> None:
    def correlation(y_true: np.ndarray, y_pred: np.ndarray, _weight: np.ndarray) -> float:
        return float(np.corrcoef(y_true, y_pred)[0, 1]) if y_pred.std() else float("nan")

    own, constant = [metric("corr", correlation)], np.zeros(60)
    assert own_scores(own, "regression", TRUE, constant, None) == {}
    with pytest.raises(InputError, match=r"evaluate.metrics.0: own:corr .* must return a finite number for the test"):
        own_scores(own, "regression", TRUE, constant, None, "the test rows")
    few = np.zeros(60)
    few[:2] = 1  # a seventh of the resamples hold neither row: the interval is that of the others
    low, high = own_intervals(own, "regression", TRUE, few, None, **DRAWN)["corr"]
    assert -1 <= low < high <= 1


def test_a_metric_of_unseeded_random_numbers_is_refused() -> None:
    generator = np.random.default_rng(0)
    own = [metric("noisy", lambda *_: float(generator.random()))]
    with pytest.raises(InputError, match=r"must return the same for the same rows, got .*; give its random numbers a"):
        own_scores(own, "regression", TRUE, SAID, None, "the test rows")
