import numpy as np
import pytest

from relight.domain.forecast_metrics import coverage, forecast_scores, half_widths

NAN = np.nan


def test_scores_by_hand_and_gaps_left_out() -> None:
    target, said = np.array([[10.0, NAN], [20.0, 0.0]]), np.array([[12.0, 5.0], [16.0, 0.0]])
    # errors 2, 4, 0; sMAPE: 200 * 2 / 22, 200 * 4 / 36, 0
    scores = forecast_scores(target, said, seasonal_error=4.0)
    assert scores == pytest.approx(
        {"mae": 2.0, "rmse": np.sqrt(20 / 3), "smape": (400 / 22 + 800 / 36) / 3, "mase": 0.5}
    )
    assert "mase" not in forecast_scores(target, said, None)


def test_an_interval_is_as_wide_as_the_rank_of_conformal_prediction() -> None:
    # nine errors 1 to 9: ceil(10 * 0.8) = 8, so the eighth smallest; one error alone: that one
    target = np.stack([np.arange(1.0, 10.0), [5.0, *[NAN] * 8]], axis=1)
    widths = half_widths(target, np.zeros_like(target))
    assert widths.tolist() == [8.0, 5.0]
    assert coverage(np.array([[7.9, 6.0], [8.1, NAN]]), np.zeros((2, 2)), widths) == pytest.approx(1 / 3)
