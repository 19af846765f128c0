import numpy as np
import pytest

from relight.split.statistics import (
    MAX_QUANTILE_LEVELS,
    MAX_SAMPLE_ROWS,
    MIN_SAMPLE_ROWS,
    RowSample,
    empirical_quantiles,
    sample_indices,
)


def float32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_a_few_values_are_their_own_quantiles() -> None:
    assert empirical_quantiles(float32(3, np.nan, -1, 3, 2), -1, 3) == [-1, 2, 3, 3]
    assert empirical_quantiles(float32(5), 5, 5) == [5]


def test_of_many_values_the_nearest_in_order_is_taken() -> None:
    # level k of 1000 stands at place 2 k of 0 to 2000
    values = np.random.default_rng(0).permutation(2001).astype(np.float32)
    assert empirical_quantiles(values, 0, 2000) == [2 * k for k in range(MAX_QUANTILE_LEVELS)]


def test_quantiles_agree_with_numpy_and_with_scikit_learn() -> None:
    from sklearn.preprocessing import QuantileTransformer

    values = np.random.default_rng(0).lognormal(size=20_000).astype(np.float32)
    found, levels = empirical_quantiles(values, values.min(), values.max()), np.linspace(0, 1, MAX_QUANTILE_LEVELS)
    assert set(found) <= set(values.tolist())
    ordered = np.sort(values)  # between the values before and after the exact place of the level
    assert (found >= np.quantile(ordered, levels, method="lower")).all()
    assert (found <= np.quantile(ordered, levels, method="higher")).all()
    transformer = QuantileTransformer(n_quantiles=MAX_QUANTILE_LEVELS, subsample=None).fit(values[:, None])
    np.testing.assert_allclose(found, transformer.quantiles_[:, 0], rtol=0.005, atol=1e-3)


def test_the_range_stands_in_where_no_sampled_row_has_a_value() -> None:
    assert empirical_quantiles(float32(np.nan, np.nan), 1, 2) == [1, 2]
    assert empirical_quantiles(float32(np.nan), 1, 1) == [1]


def test_zeros_have_no_sign() -> None:
    assert not np.signbit(empirical_quantiles(float32(-0.0, 0.0, -0.0, 1), 0, 1)).any()


@pytest.mark.parametrize(
    ("n_columns", "n_rows", "expected"),
    [
        (3, 1000, 1000),
        (0, 1000, 1000),
        (3, MAX_SAMPLE_ROWS, MAX_SAMPLE_ROWS),
        (3, MAX_SAMPLE_ROWS + 1, MAX_SAMPLE_ROWS),
        (128, MAX_SAMPLE_ROWS + 1, MAX_SAMPLE_ROWS),  # 2^25 / 128 = 2^18
        (256, MAX_SAMPLE_ROWS + 1, MAX_SAMPLE_ROWS // 2),
        (100_000, 50_000, MIN_SAMPLE_ROWS),
    ],
)
def test_the_sample_fits_in_memory(n_columns: int, n_rows: int, expected: int) -> None:
    drawn = sample_indices(n_columns, n_rows)
    assert len(drawn) == expected
    assert (np.diff(drawn) > 0).all()
    assert drawn[0] >= 0
    assert drawn[-1] < n_rows


@pytest.mark.parametrize("pieces", [1, 3, 8])
def test_the_sample_is_the_same_in_whatever_pieces_the_rows_pass(pieces: int) -> None:
    rows = np.arange(2 * 300_000, dtype=np.float32).reshape(2, -1)
    sample = RowSample(2, 300_000)
    for piece in np.array_split(rows, pieces, axis=1):
        sample.add(piece)
    np.testing.assert_array_equal(sample.values, rows[:, sample_indices(2, 300_000)])
