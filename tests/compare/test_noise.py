import numpy as np
import pytest

from relight.compare.significance import SeedStatistics, noise_verdict
from relight.metrics.bootstrap import student_t_quantile

ONE = SeedStatistics(1, 0.5, None)


def said(difference: float = 0.1, paired=None, intervals=(None, None), seeds=(ONE, ONE)) -> tuple[str, str]:
    return noise_verdict(difference, paired=paired, intervals=intervals, seeds=seeds, without_rows="no rows")


@pytest.mark.parametrize(
    ("n_free", "known"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (2.5, 3.5746), (1e9, 1.9602)]
)
def test_the_quantile_is_that_of_the_printed_tables(n_free: float, known: float) -> None:
    assert student_t_quantile(n_free) == pytest.approx(known, rel=1e-4)


def test_an_interval_without_zero_is_larger_than_the_noise_whatever_the_two_intervals_say() -> None:
    assert said(paired=(0.01, 0.2), intervals=((0, 1), (0, 1)))[0] == "larger"
    assert said(paired=(-0.01, 0.2), intervals=((0, 0.1), (0.2, 1)))[0] == "within"
    assert said(paired=(0.0, 0.0))[0] == "within"


def test_without_rows_the_intervals_must_be_apart() -> None:
    assert said(intervals=((0.1, 0.2), (0.3, 0.4))) == ("larger", "the intervals of both are apart")
    assert said(intervals=((0.1, 0.3), (0.3, 0.4))) == ("within", "the intervals of both overlap")


def test_without_anything_nothing_can_be_said() -> None:
    assert said() == ("unknown", "no rows")


def test_seeds_by_hand() -> None:
    """Means 1 and 2, deviations 0.3 and 0.4, 4 seeds each: 0.15² + 0.2² = 0.25²; Welch's freedom is
    0.0625² / (0.0225² / 3 + 0.04² / 3) = 5.563, its quantile 2.495 (between 2.571 for 5 and 2.447 for 6), so ±0.624."""
    far = SeedStatistics(4, 1.0, 0.3), SeedStatistics(4, 2.0, 0.4)
    word, why = said(1.0, seeds=far)
    assert word == "larger"
    assert why == "the mean of the seeds moved by +1, and their noise is ±0.62"
    assert said(0.6, seeds=(SeedStatistics(4, 1.0, 0.3), SeedStatistics(4, 1.6, 0.4)))[0] == "within"


def test_one_seed_beside_several_takes_their_deviation() -> None:
    """sqrt(0.1² / 4 + 0.1²) = 0.1118, and 3.182 for 3 degrees of freedom: ±0.3558."""
    several = SeedStatistics(4, 1.0, 0.1)
    assert said(0.36, seeds=(several, SeedStatistics(1, 1.36, None)))[0] == "larger"
    assert said(0.35, seeds=(several, SeedStatistics(1, 1.35, None)))[0] == "within"


def test_both_kinds_of_noise_must_be_exceeded_on_the_same_side() -> None:
    far = SeedStatistics(4, 1.0, 0.01), SeedStatistics(4, 2.0, 0.01)
    assert said(1.0, paired=(0.5, 1.5), seeds=far)[0] == "larger"
    assert said(-1.0, paired=(-1.5, -0.5), seeds=far)[0] == "within"
    assert said(1.0, paired=(-0.5, 1.5), seeds=far)[0] == "within"


def test_seeds_that_do_not_differ_have_no_noise() -> None:
    assert said(0.1, seeds=(SeedStatistics(3, 1.0, 0.0), SeedStatistics(3, 1.1, 0.0)))[0] == "larger"
    assert np.isfinite(student_t_quantile(4))
