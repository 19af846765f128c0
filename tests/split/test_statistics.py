import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.split.statistics import CHUNK_ROWS, RunningStatistics, RunningTargetStatistics, chunk_statistics

HALVES = st.integers(-1000, 1000).map(lambda value: value / 2)


def merged(*chunks: np.ndarray) -> RunningStatistics:
    known = RunningStatistics()
    for chunk in chunks:
        known = known.merge(chunk_statistics(chunk))
    return known


def skew(values: np.ndarray) -> float:
    return float(np.mean((values - values.mean()) ** 3) / values.std() ** 3)


def float32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_mean_population_std_and_range_by_hand() -> None:
    # mean (1 + 2 + 6) / 3 = 3; variance (4 + 1 + 9) / 3; the gap counts nowhere
    known = chunk_statistics(float32(1, np.nan, 2, 6))
    assert (known.n, known.mean, known.low, known.high) == (3, 3, 1, 6)
    assert known.std == pytest.approx(math.sqrt(14 / 3), rel=1e-15)


def test_skew_by_hand() -> None:
    # mean 1; deviations -1, -1, 2: second moment 6 / 3 = 2, third (-1 - 1 + 8) / 3 = 2; 2 / 2^1.5
    assert chunk_statistics(float32(0, 0, 3)).skew == pytest.approx(2**-0.5, rel=1e-15)
    assert chunk_statistics(float32(0, 3, 3)).skew == pytest.approx(-(2**-0.5), rel=1e-15)
    assert chunk_statistics(float32(4, 4, 4)).skew == 0


@pytest.mark.parametrize("value", [0.1, 1e-30, 1e30, 16777217.0])
@pytest.mark.parametrize("n_rows", [1, 3, 7, 10, 1000])
def test_a_column_of_one_value_has_std_zero(value: float, n_rows: int) -> None:
    chunk = np.full(n_rows, value, dtype=np.float32)
    for known in (merged(chunk), merged(chunk, chunk[:1], chunk)):
        assert (known.mean, known.std, known.skew) == (float(np.float32(value)), 0, 0)


def test_a_column_of_gaps_has_mean_and_std_zero() -> None:
    known = merged(float32(np.nan, np.nan), float32())
    assert (known.n, known.mean, known.std, known.skew) == (0, 0, 0, 0)
    assert merged(float32(np.nan), float32(2, 4), float32(np.nan)) == chunk_statistics(float32(2, 4))


def test_minus_zero_is_zero() -> None:
    for values in (float32(-0.0, 0.0), float32(0.0, -0.0)):
        known = chunk_statistics(values)
        assert [math.copysign(1, value) for value in (known.low, known.high)] == [1, 1]


@settings(deadline=None)
@given(st.lists(st.lists(HALVES, max_size=8), min_size=1, max_size=6).filter(lambda chunks: any(chunks)))
def test_merged_chunks_say_what_all_rows_together_say(chunks: list[list[float]]) -> None:
    known, values = merged(*(float32(*chunk) for chunk in chunks)), [value for chunk in chunks for value in chunk]
    mean = statistics.fmean(values)
    assert (known.n, known.low, known.high) == (len(values), min(values), max(values))
    assert known.mean == pytest.approx(mean, rel=1e-12, abs=1e-12)
    assert known.std == pytest.approx(statistics.pstdev(values), rel=1e-9, abs=1e-9)
    assert known.m3 == pytest.approx(sum((value - mean) ** 3 for value in values), rel=1e-9, abs=1e-3)


def test_many_rows_are_as_exact_as_float64_allows() -> None:
    values = np.random.default_rng(0).normal(1000, size=3 * CHUNK_ROWS + 1).astype(np.float32)
    known = merged(*(values[start : start + CHUNK_ROWS] for start in range(0, len(values), CHUNK_ROWS)))
    mean = math.fsum(values.tolist()) / len(values)
    variance = math.fsum((float(value) - mean) ** 2 for value in values) / len(values)
    assert known.mean == pytest.approx(mean, rel=1e-14)
    assert known.std == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_the_target_and_its_logarithm_agree_with_numpy() -> None:
    values = np.random.default_rng(0).lognormal(2, 0.7, size=3000).astype(np.float32)
    sums = RunningTargetStatistics()
    for chunk in np.array_split(values, 4):
        sums = sums.add(chunk)
    found, wide = sums.statistics(), values.astype(np.float64)
    expected = [number for v in (wide, np.log(wide)) for number in (v.mean(), v.std(), skew(v))]
    assert [
        found.mean,
        found.std,
        found.skew,
        found.log_mean,
        found.log_std,
        found.log_skew,
    ] == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_one_value_that_is_not_above_zero_leaves_no_logarithm(value: float) -> None:
    for chunks in ([float32(1, 2), float32(value), float32(3)], [float32(value), float32(1, 2)]):
        sums = RunningTargetStatistics()
        for chunk in chunks:
            sums = sums.add(chunk)
        found = sums.statistics()
        assert (found.log_mean, found.log_std, found.log_skew) == (None, None, None)
        assert found.mean == pytest.approx(np.concatenate(chunks).mean(), rel=1e-6)
