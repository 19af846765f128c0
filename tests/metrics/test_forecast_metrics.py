import numpy as np
import pytest

from relight.metrics.forecasts import forecast_scores, interval_coverage

NAN = np.nan


def test_scores_by_hand_and_gaps_left_out() -> None:
    target, y_pred = np.array([[10.0, NAN], [20.0, 0.0]]), np.array([[12.0, 5.0], [16.0, 0.0]])
    # errors 2, 4, 0; sMAPE: 200 * 2 / 22, 200 * 4 / 36, 0
    scores = forecast_scores(target, y_pred, seasonal_error=4.0)
    assert scores == pytest.approx(
        {"mae": 2.0, "rmse": np.sqrt(20 / 3), "smape": (400 / 22 + 800 / 36) / 3, "mase": 0.5}
    )
    assert "mase" not in forecast_scores(target, y_pred, None)


def test_the_share_of_the_truth_within_intervals_leaves_gaps_and_steps_without_one_out() -> None:
    target = np.array([[7.9, 6.0], [8.1, NAN]])
    low, high = np.full((2, 2), -1.0), np.array([[8.0, 5.0], [8.0, 5.0]])
    assert interval_coverage(target, low, high) == pytest.approx(1 / 3)
    assert interval_coverage(target, low * [1, NAN], high * [1, NAN]) == 0.5


def test_each_forecast_is_scaled_by_its_own_series_and_one_without_a_seasonal_error_does_not_count() -> None:
    target, y_pred = (
        np.array([[10.0, 12.0], [1000.0, 1000.0], [5.0, 5.0]]),
        np.array([[12.0, 12.0], [900.0, 1000.0], [6.0, 5.0]]),
    )
    # errors 2, 0 of a series with 4; 100, 0 of one with 50; 1, 0 of one that never changed
    assert forecast_scores(target, y_pred, np.array([[4.0], [50.0], [NAN]]))["mase"] == (0.5 + 0 + 2 + 0) / 4
