import numpy as np
import pytest
from sklearn import metrics as independent

from relight.metrics.classification import decision_threshold, scores_at


def test_the_threshold_stands_between_the_rows_that_it_parts() -> None:
    # F1 of the top row 2/3, of the top two 4/4, of three 4/5: between 0.3 and 0.2
    target, positive = np.array([1, 1, 0, 0]), np.array([0.4, 0.3, 0.2, 0.1])
    assert decision_threshold("f1", target, positive) == pytest.approx(0.25)
    assert decision_threshold("balanced_accuracy", target, positive) == pytest.approx(0.25)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("score", ["f1", "balanced_accuracy"])
def test_no_threshold_is_better_on_these_rows(seed: int, score: str) -> None:
    generator = np.random.default_rng(seed)
    target, positive = (np.arange(60) % 3 == 0).astype(int), generator.integers(0, 20, size=60) / 20
    measure = {"f1": independent.f1_score, "balanced_accuracy": independent.balanced_accuracy_score}[score]
    best = max(measure(target, positive >= cut) for cut in np.linspace(0, 1.01, 300))
    chosen = decision_threshold(score, target, positive)  # type: ignore[arg-type]
    assert measure(target, positive >= chosen) == pytest.approx(best, rel=1e-12)
    assert scores_at(chosen, target, positive)[score] == pytest.approx(best, rel=1e-12)


def test_weights_move_the_threshold() -> None:
    target, positive = np.array([1, 0, 1, 0]), np.array([0.9, 0.7, 0.5, 0.1])
    assert decision_threshold("balanced_accuracy", target, positive, np.array([1, 9, 1, 1])) == pytest.approx(0.8)
    assert decision_threshold("balanced_accuracy", target, positive, np.array([1, 1, 9, 1])) == pytest.approx(0.3)


def test_of_thresholds_as_good_the_one_nearest_to_a_half_is_taken() -> None:
    # every row is positive: all thresholds up to 0.6 find them all
    assert decision_threshold("f1", np.array([1, 1]), np.array([0.6, 0.8])) == pytest.approx(0.3)
    # all rows the same: predicted positive, or not, balanced accuracy is a half: above, or at 0.35
    assert decision_threshold("balanced_accuracy", np.array([0, 1]), np.array([0.7, 0.7])) == pytest.approx(0.35)


def test_scores_at_a_threshold_agree_with_scikit_learn() -> None:
    target, positive = np.array([1, 0, 1, 0, 1]), np.array([0.3, 0.2, 0.1, 0.35, 0.9])
    y_pred, weight = positive >= 0.3, np.array([1.0, 2, 3, 4, 5])
    assert scores_at(0.3, target, positive, weight) == pytest.approx(
        {
            "accuracy": independent.accuracy_score(target, y_pred, sample_weight=weight),
            "balanced_accuracy": independent.balanced_accuracy_score(target, y_pred, sample_weight=weight),
            "precision": independent.precision_score(target, y_pred, sample_weight=weight),
            "recall": independent.recall_score(target, y_pred, sample_weight=weight),
            "f1": independent.f1_score(target, y_pred, sample_weight=weight),
        },
        rel=1e-12,
    )
