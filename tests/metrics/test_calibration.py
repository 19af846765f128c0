import numpy as np
import pytest

from relight.metrics.classification import confidence_and_truth, expected_calibration_error, reliability_bins


def test_reliability_by_hand() -> None:
    # bins of a tenth: 0.05 | 0.41, 0.49 | 0.95, 1.0; certainty belongs to the last bin
    confidence = np.array([0.41, 1.0, 0.05, 0.49, 0.95])
    came_true = np.array([True, True, False, False, True])
    expected = [(0.05, 0.0, 1), (0.45, 0.5, 2), (0.975, 1.0, 2)]
    assert [pytest.approx(bin_) for bin_ in reliability_bins(confidence, came_true)] == expected


def test_reliability_counts_every_row_once() -> None:
    confidence = np.random.default_rng(0).random(1000)
    assert sum(rows for _, _, rows in reliability_bins(confidence, confidence > 0.5)) == 1000


def test_weights_move_the_means_and_a_bin_without_weight_is_left_out() -> None:
    confidence, came_true = np.array([0.2, 0.25, 0.9]), np.array([True, False, True])
    weight = np.array([3.0, 1.0, 0.0])
    assert [pytest.approx(bin_) for bin_ in reliability_bins(confidence, came_true, weight)] == [(0.2125, 0.75, 2)]


def test_calibration_error_by_hand() -> None:
    # bins: 0.05 (0 true), 0.45 (half true), 0.975 (all true): (1 × 0.05 + 2 × 0.05 + 2 × 0.025) / 5
    confidence = np.array([0.41, 1.0, 0.05, 0.49, 0.95])
    came_true = np.array([True, True, False, False, True])
    assert expected_calibration_error(confidence, came_true) == pytest.approx(0.2 / 5)
    # the last two bins weigh nothing
    assert expected_calibration_error(confidence, came_true, np.array([0, 0, 1, 0, 0])) == pytest.approx(0.05)


def test_confidence_is_that_of_the_second_of_two_classes_and_of_the_chosen_of_more() -> None:
    confidence, came_true = confidence_and_truth(np.array([0, 1]), np.array([[0.7, 0.3], [0.6, 0.4]]))
    assert (confidence.tolist(), came_true.tolist()) == ([0.3, 0.4], [False, True])
    confidence, came_true = confidence_and_truth(np.array([0, 1]), np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]]))
    assert (confidence.tolist(), came_true.tolist()) == ([0.7, 0.6], [True, False])
