from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer

from relight.model.preprocessing import QuantileNormal
from tests.feature_tables import number

SCORE = NormalDist().inv_cdf


def scores(train: np.ndarray, values: np.ndarray) -> np.ndarray:
    module = QuantileNormal([number("x", train)], len(train))
    return module(torch.from_numpy(values.astype(np.float32)).unsqueeze(1)).squeeze(1).numpy()


@pytest.mark.parametrize(("n_train", "n_knots"), [(100, 10), (300, 10), (3000, 100), (60_000, 1000)])
def test_the_number_of_knots_is_that_of_the_authors(n_train: int, n_knots: int) -> None:
    values = np.random.default_rng(0).normal(size=n_train)
    assert QuantileNormal([number("x", values)], n_train).knots.shape == (1, n_knots)


@pytest.mark.parametrize("n_train", [400, 3000, 30_030])
def test_scores_of_continuous_data_are_those_of_scikit_learn(n_train: int) -> None:
    train = np.random.default_rng(1).lognormal(size=n_train).astype(np.float32)
    new = np.random.default_rng(2).lognormal(size=5000).astype(np.float32)
    n_quantiles = max(min(n_train // 30, 1000), 10)
    theirs = QuantileTransformer(n_quantiles=n_quantiles, output_distribution="normal", subsample=None)
    expected = theirs.fit(train.reshape(-1, 1)).transform(new.reshape(-1, 1))[:, 0]
    # their knots lie between rows, ours are interpolated from 1001 rows of the quantile grid
    np.testing.assert_allclose(scores(train, new), expected, atol=0.02)


def test_a_value_that_many_rows_share_gets_the_score_of_the_middle_of_its_plateau() -> None:
    draw = np.random.default_rng(3)
    train = np.concatenate([np.zeros(18_000), draw.uniform(1, 2, 6000), np.full(6000, 5.0)])
    # 0 fills the levels 0 to 0.6, 5 those from 0.8 to 1; also at the ends, where scikit-learn would say -5.2 and 5.2
    said = scores(train, np.array([0.0, 5.0, 1.5]))
    np.testing.assert_allclose(said, [SCORE(0.3), SCORE(0.9), SCORE(0.7)], atol=0.02)


def test_the_middle_is_where_the_authors_noise_puts_it() -> None:
    draw = np.random.default_rng(4)
    train = draw.integers(0, 5, 30_000).astype(np.float64)
    noisy = train + draw.normal(0, 1e-5 * train.std(), len(train))
    theirs = QuantileTransformer(n_quantiles=1000, output_distribution="normal", subsample=None)
    expected = theirs.fit(noisy.reshape(-1, 1)).transform(np.arange(5.0).reshape(-1, 1))[:, 0]
    np.testing.assert_allclose(scores(train, np.arange(5.0)), expected, atol=0.03)


@pytest.mark.parametrize("offset", [0, 1e4, -3e7])
def test_a_plateau_is_met_exactly_whatever_the_unit_of_the_column(offset: float) -> None:
    train = np.repeat([0.0, 8.0, 16.0], 1000) + offset  # all of them float32 numbers
    said = scores(train, np.array([0.0, 8.0, 16.0]) + offset)
    np.testing.assert_allclose(said, [SCORE(1 / 6), 0, SCORE(5 / 6)], atol=0.03)


def test_values_beyond_the_train_rows_stay_at_the_ends() -> None:
    train = np.random.default_rng(5).normal(size=1000)
    said = scores(train, np.array([-1e30, -50.0, 50.0, 1e30]))
    np.testing.assert_allclose(said, [-5.199338, -5.199338, 5.199338, 5.199338], rtol=1e-5)


def test_larger_values_never_have_smaller_scores() -> None:
    train = np.random.default_rng(6).gamma(1, size=2000).round(1)
    said = scores(train, np.sort(np.random.default_rng(7).gamma(1, size=3000)))
    assert (np.diff(said) >= 0).all()


def test_each_column_has_knots_of_its_own() -> None:
    columns = [number("a", np.arange(100)), number("b", np.arange(100) * 1000)]
    both = QuantileNormal(columns, 100)(torch.tensor([[50.0, 50_000.0], [10, 90_000]]))
    alone = [QuantileNormal([column], 100) for column in columns]
    assert torch.equal(both[:, :1], alone[0](torch.tensor([[50.0], [10]])))
    assert torch.equal(both[:, 1:], alone[1](torch.tensor([[50_000.0], [90_000]])))
    assert both[0, 0].item() == pytest.approx(both[0, 1].item(), abs=1e-5)
