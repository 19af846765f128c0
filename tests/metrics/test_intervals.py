import numpy as np
import pytest

from relight.metrics import bootstrap
from relight.metrics.bootstrap import bootstrap_intervals
from relight.metrics.scorers import compute_scores


def normal_rows(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    target, noise = np.random.default_rng(seed).normal(size=(2, n_rows))
    return target, target + noise


def test_an_interval_is_the_percentiles_of_scores_of_drawn_rows() -> None:
    target, predicted = normal_rows(40)
    intervals = bootstrap_intervals("regression", target, predicted, n_resamples=200, seed=3)
    generator, drawn = np.random.default_rng(3), []
    for _ in range(200):
        rows = generator.integers(40, size=40)
        drawn.append(compute_scores("regression", target[rows], predicted[rows]))
    for name, ends in intervals.items():
        expected = np.quantile([scores[name] for scores in drawn], [0.025, 0.975])
        assert ends == pytest.approx(expected, rel=1e-12), name
    assert set(intervals) == set(drawn[0])


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # |error| of a unit normal has the mean sqrt(2/pi); 200 tables, 95 % of them: 178 to 200 but for 1 in 1000
    covered = 0
    for seed in range(200):
        ends = bootstrap_intervals("regression", *normal_rows(100, seed), n_resamples=200, seed=0)["mae"]
        covered += ends[0] <= np.sqrt(2 / np.pi) <= ends[1]
    assert 176 <= covered <= 200


def test_sample_weights_count() -> None:
    target, predicted = normal_rows(40)
    weight = np.where(np.arange(40) < 20, 1.0, 0.0)
    half = compute_scores("regression", target[:20], predicted[:20])
    low, high = bootstrap_intervals("regression", target, predicted, weight, n_resamples=100, seed=0)["mae"]
    assert low < half["mae"] < high


def test_other_seeds_draw_other_rows_and_the_same_seed_the_same() -> None:
    rows = normal_rows(40)
    one, again, other = (bootstrap_intervals("regression", *rows, n_resamples=50, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_a_score_that_the_rows_do_not_define_has_no_interval_and_some_resamples_may_lack_one() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    assert "auc" not in bootstrap_intervals("binary", np.array([0, 0, 0]), probabilities, n_resamples=20, seed=0)
    assert "auc" in bootstrap_intervals("binary", np.array([0, 1, 0]), probabilities, n_resamples=20, seed=0)


def test_of_many_rows_a_sample_is_resampled_and_its_interval_is_as_narrow_as_that_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, predicted = normal_rows(4000)
    whole = bootstrap_intervals("regression", target, predicted, n_resamples=400, seed=0)
    monkeypatch.setattr(bootstrap, "MAX_BOOTSTRAP_ROWS", 1000)
    sampled = bootstrap_intervals("regression", target, predicted, n_resamples=400, seed=0)
    scores = compute_scores("regression", target, predicted)
    for name in ("mae", "rmse", "r2"):
        assert sampled[name][0] < scores[name] < sampled[name][1]
        width, expected = sampled[name][1] - sampled[name][0], whole[name][1] - whole[name][0]
        assert 0.8 < width / expected < 1.25, name
