import numpy as np

from relight.train.mixing import conformal_offsets

NAN = np.nan


def test_an_end_is_the_rank_of_conformal_prediction() -> None:
    # nineteen errors -9 to 9: ceil(20 * 0.9) = 18, so the second largest and the second smallest; one alone; none
    errors = np.stack([np.arange(-9.0, 10.0), [5.0, *[NAN] * 18], [NAN] * 19], axis=1)
    low, high = conformal_offsets(errors, 0.8)
    np.testing.assert_array_equal(low, [-8.0, 5.0, NAN])
    np.testing.assert_array_equal(high, [8.0, 5.0, NAN])


def test_lopsided_errors_have_lopsided_ends() -> None:
    errors = np.random.default_rng(0).exponential(size=(5000, 1))
    low, high = conformal_offsets(errors, 0.8)
    assert abs(low[0] - -np.log(0.9)) < 0.02
    assert abs(high[0] - -np.log(0.1)) < 0.1
