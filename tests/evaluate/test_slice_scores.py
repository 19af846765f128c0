import numpy as np
import polars as pl
import pytest

from relight.evaluate.diagnostics import slice_scores
from relight.evaluate.inputs import LabelledRows
from relight.evaluate.tables import empty_tables
from relight.metrics.bootstrap import bootstrap_intervals
from relight.metrics.scorers import compute_scores


def labelled(target: np.ndarray, weight: np.ndarray | None = None) -> LabelledRows:
    n_rows = len(target)
    return LabelledRows(
        np.empty((n_rows, 0), np.float32), np.empty((n_rows, 0), np.int32), target, np.arange(n_rows), weight
    )


def test_each_value_has_the_scores_and_intervals_of_its_rows_alone() -> None:
    generator = np.random.default_rng(0)
    target, said = generator.normal(size=(2, 60))
    weight, colour = generator.random(60), np.array(["red", "blue", "blue"] * 20)
    table = slice_scores(
        "regression", labelled(target, weight), said, pl.DataFrame({"colour": colour}), n_resamples=30, seed=1
    )
    blue = colour == "blue"
    expected = compute_scores("regression", target[blue], said[blue], weight[blue])
    intervals = bootstrap_intervals("regression", target[blue], said[blue], weight[blue], n_resamples=30, seed=1)
    found = table.filter(pl.col("value") == "blue")
    assert table["value"].unique(maintain_order=True).to_list() == ["blue", "red"]
    assert found["score"].to_list() == ["rmse", "mae", "mape", "median_ae", "r2"]  # the headline first
    assert found["rows"].to_list() == [40] * 5
    for name, estimate, low, high in found.select("score", "estimate", "low", "high").iter_rows():
        assert estimate == expected[name]
        assert (low, high) == intervals[name]


def test_without_resamples_there_are_no_intervals_and_undefined_scores_have_no_line() -> None:
    said = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    table = slice_scores(
        "binary", labelled(np.array([0, 1, 0])), said, pl.DataFrame({"g": ["a", "a", "b"]}), n_resamples=0, seed=0
    )
    assert table["low"].null_count() == table["high"].null_count() == table.height
    assert "auc" in table.filter(pl.col("value") == "a")["score"].to_list()
    assert "auc" not in table.filter(pl.col("value") == "b")["score"].to_list()
    assert table["estimate"].is_finite().all()


def test_the_columns_are_the_same_without_slices() -> None:
    said = np.zeros(2)
    table = slice_scores("regression", labelled(np.ones(2)), said, pl.DataFrame({"g": [1, 2]}), n_resamples=2, seed=0)
    assert table.schema == empty_tables()["slices"].schema
    assert pytest.approx(table["estimate"].to_list()) == [1] * table.height
