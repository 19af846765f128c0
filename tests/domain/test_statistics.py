import math

import numpy as np
import polars as pl
import pytest

from relight.domain.schema import Column
from relight.domain.statistics import CHUNK_ROWS, describe_category, describe_number

NUMBER = Column(name="a", kind="numeric")


def test_mean_and_population_std_by_hand() -> None:
    # mean (1 + 2 + 6) / 3 = 3; variance (4 + 1 + 9) / 3; the gap counts as a gap and nowhere else
    described = describe_number(NUMBER, pl.Series([1.0, None, 2.0, 6.0]))
    assert (described.mean, described.gaps) == (3, 1)
    assert described.std == pytest.approx(math.sqrt(14 / 3), rel=1e-15)


def test_true_is_one_and_false_is_zero() -> None:
    # mean 3/4, std sqrt(3/4 * 1/4)
    described = describe_number(Column(name="a", kind="boolean"), pl.Series([True, True, False, True]))
    assert (described.kind, described.mean, described.std) == ("boolean", 0.75, pytest.approx(math.sqrt(3) / 4))


@pytest.mark.parametrize("value", [0.1, 1e-30, 1e30, 16777217.0])
@pytest.mark.parametrize("n_rows", [1, 3, 7, 10, 1000])
def test_a_column_of_one_value_has_std_zero(value: float, n_rows: int) -> None:
    described = describe_number(NUMBER, pl.Series([value] * n_rows))
    assert (described.mean, described.std) == (float(np.float32(value)), 0)


def test_a_column_of_gaps_has_mean_and_std_zero() -> None:
    described = describe_number(NUMBER, pl.Series([None, None], dtype=pl.Float64))
    assert (described.mean, described.std, described.gaps) == (0, 0, 2)


def test_statistics_are_the_same_bits_whatever_pieces_the_table_came_in() -> None:
    values = np.random.default_rng(0).lognormal(sigma=3, size=2 * CHUNK_ROWS + 12_345)
    whole = pl.Series(values)
    pieces = pl.concat([pl.Series(piece) for piece in np.array_split(values, 17)], rechunk=False)
    assert pieces.n_chunks() == 17
    assert describe_number(NUMBER, pieces) == describe_number(NUMBER, whole)


def test_sums_over_chunks_are_as_exact_as_float64_allows() -> None:
    values = np.random.default_rng(0).normal(1000, size=CHUNK_ROWS + 1).astype(np.float32)
    described = describe_number(NUMBER, pl.Series(values.astype(np.float64)))
    mean = math.fsum(values.tolist()) / len(values)
    variance = math.fsum((float(value) - mean) ** 2 for value in values) / len(values)
    assert described.mean == pytest.approx(mean, rel=1e-14)
    assert described.std == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_levels_are_the_different_texts_in_the_order_of_texts() -> None:
    described = describe_category(
        Column(name="c", kind="categorical"), pl.Series(["b", "é", None, "B", "a", "b", "10"])
    )
    assert described.levels == ["10", "B", "a", "b", "é"]
