import numpy as np

from relight.train.series import conformal_half_widths

NAN = np.nan


def test_an_interval_is_as_wide_as_the_rank_of_conformal_prediction() -> None:
    # nine errors 1 to 9: ceil(10 * 0.8) = 8, so the eighth smallest; one error alone: that one; none
    target = np.stack([np.arange(1.0, 10.0), [5.0, *[NAN] * 8], [NAN] * 9], axis=1)
    np.testing.assert_array_equal(conformal_half_widths(target, np.zeros_like(target)), [8.0, 5.0, NAN])


def test_of_four_errors_it_is_the_largest_and_of_five_the_largest_too() -> None:
    # ceil(5 * 0.8) = 4 and ceil(6 * 0.8) = 5: the plain share of 0.8 of five would be the fourth
    assert conformal_half_widths(np.array([[1.0], [4.0], [2.0], [3.0]]), np.zeros((4, 1))).tolist() == [4.0]
    assert conformal_half_widths(np.array([[1.0], [4.0], [2.0], [3.0], [9.0]]), np.zeros((5, 1))).tolist() == [9.0]
