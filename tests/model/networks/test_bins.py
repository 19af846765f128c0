import numpy as np
import pytest
import torch

from relight.data.features import NumericFeature
from relight.model.build import column_bins
from relight.model.preprocessing import Preprocessor
from tests.feature_tables import category, features_of, number


def bins(columns: list[NumericFeature], n_bins: int, numeric: str = "none") -> list[list[float]]:
    features = features_of(columns, n_train=1000)
    return [edges.tolist() for edges in column_bins(features, Preprocessor(features, numeric), n_bins)]


def test_edges_are_quantiles_of_the_train_rows() -> None:
    (edges,) = bins([number("x", np.arange(1001.0))], 4)
    assert edges == pytest.approx([0, 250, 500, 750, 1000], abs=1)


def test_edges_are_on_the_scale_of_the_front() -> None:
    draw = np.random.default_rng(0).lognormal(size=1000)
    (edges,) = bins([number("x", draw)], 4, "quantile_normal")
    # quarters of a normal distribution; scikit-learn's ends
    assert edges == pytest.approx([-5.1993, -0.6745, 0, 0.6745, 5.1993], abs=0.03)


def test_a_column_of_two_values_has_one_bin() -> None:
    assert bins([number("x", [0] * 900 + [1] * 100)], 8) == [[0, 1]]


def test_a_column_that_hardly_ever_differs_has_one_bin_from_end_to_end() -> None:
    """Its quantiles, of at most 262,144 rows, may miss the few rows that differ."""
    column = number("x", [3.0] * 50).model_copy(update={"high": 9.0})
    assert bins([column], 8) == [[3, 9]]


def test_few_train_rows_have_few_bins() -> None:
    assert bins([number("x", [1, 2, 4])], 48) == [[1, 2, 4]]


def test_columns_of_few_and_of_many_values_stand_side_by_side() -> None:
    few, many = bins([number("few", [1, 2, 4]), number("many", np.arange(1001.0))], 10)
    assert len(few) == 3
    assert len(many) == 11


def test_edges_rise_and_no_bin_is_too_narrow_for_float32() -> None:
    column = np.concatenate([1 + np.arange(500) * 1e-6, np.arange(2, 502)])
    (edges,) = bins([number("x", column)], 100)
    assert (np.diff(edges) > 1e-5 * max(edges) * 0.999).all()
    assert edges[0] == 1


def test_dropped_columns_have_no_bins() -> None:
    assert len(bins([number("same", [2, 2]), number("x", [1, 2, 4])], 2)) == 1
    features = features_of([], [category("c", 2)])
    assert column_bins(features, Preprocessor(features, "none"), 4) == []


def test_the_same_features_have_the_same_bins() -> None:
    features = features_of([number("x", np.random.default_rng(1).normal(size=500))], n_train=500)
    one, other = (column_bins(features, Preprocessor(features, "quantile_normal"), 48)[0] for _ in range(2))
    assert torch.equal(one, other)
