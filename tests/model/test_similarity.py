import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from relight.model.pairs import DistanceCalibration, accuracy_threshold
from relight.train.pairs import fit_distance_calibration, one_minus_auc


def test_the_threshold_stands_in_the_middle_of_the_widest_space_of_the_best() -> None:
    """Between 0.2 and 0.8 all are right; a cut between 0.1 and 0.2 has one mistake."""
    distances, alike = np.array([0.1, 0.2, 0.8, 0.9]), np.array([True, True, False, False])
    assert accuracy_threshold(distances, alike, np.ones(4)) == pytest.approx(0.5)


def test_no_other_threshold_is_more_accurate() -> None:
    generator = np.random.default_rng(1)
    alike = generator.random(100) < 0.4
    distances = np.where(alike, generator.normal(1, 0.5, 100), generator.normal(2, 0.5, 100)).round(1)
    weight = generator.random(100)
    chosen = accuracy_threshold(distances, alike, weight)
    right = [(weight * ((distances <= cut) == alike)).sum() for cut in (chosen, *np.linspace(-1, 5, 601))]
    assert right[0] == pytest.approx(max(right))


def test_pairs_of_one_kind_lie_on_one_side() -> None:
    distances = np.array([0.0, 1.0])
    assert accuracy_threshold(distances, np.array([True, True]), np.ones(2)) > 1
    assert accuracy_threshold(distances, np.array([False, False]), np.ones(2)) < 0


def test_similarity_is_one_half_at_the_threshold_and_falls() -> None:
    scale = DistanceCalibration(threshold=1.0, slope=2.0)
    said = scale.similarity(np.array([[0.0], [1.0], [2.0], [1e6]]))
    assert said.tolist() == pytest.approx([1 / (1 + np.exp(-2)), 0.5, 1 / (1 + np.exp(2)), 0.0])
    assert scale.score(np.array([0.25])).tolist() == [0.75]


def test_the_slope_has_the_lowest_log_loss_of_the_drawn_in_labels() -> None:
    """Platt: 3 alike are worth 4/5, 2 others 1/4."""
    distances, alike = np.array([0.1, 0.5, 1.2, 0.9, 2.0]), np.array([1, 1, 1, 0, 0])
    scale = fit_distance_calibration(distances, alike)
    wanted = np.where(alike == 1, 4 / 5, 1 / 4)

    def loss(slope: float) -> float:
        said = 1 / (1 + np.exp(-slope * (scale.threshold - distances)))
        return float(-(wanted * np.log(said) + (1 - wanted) * np.log(1 - said)).sum())

    assert loss(scale.slope) <= min(loss(slope) for slope in np.geomspace(1e-3, 20, 2000)) + 1e-9


def test_one_minus_auc_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    alike, distances = generator.integers(0, 2, 50), generator.random(50).round(1)
    found = one_minus_auc(torch.tensor(distances).reshape(-1, 1), torch.tensor(alike).reshape(-1, 1), None)
    assert found == pytest.approx(1 - roc_auc_score(alike, -distances))
    assert one_minus_auc(torch.zeros(2, 1), torch.ones(2, 1), None) == 0.5
