import numpy as np
import polars as pl
import pytest

from relight.compare.predictions import RunPredictions, have_same_rows, parse_test_predictions, task_from_metrics
from relight.compare.significance import N_RESAMPLES, bootstrap_scores, difference_intervals, draw_resamples
from relight.data.schema import Task
from relight.metrics.scorers import compute_scores


def asked(task: Task, target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> RunPredictions:
    return RunPredictions(task, pl.DataFrame(), target, predicted, [""] * len(target), weight)


def intervals(first: RunPredictions, other: RunPredictions, *, every_score: bool) -> dict[str, tuple[float, float]]:
    resamples = draw_resamples(first)
    drawn = [bootstrap_scores(rows, resamples, every_score=every_score) for rows in (first, other)]
    return difference_intervals(*drawn, resamples.scale)


def test_the_interval_is_that_of_an_independent_paired_bootstrap() -> None:
    """The same draws, but rows are picked, not counted, and the scores are written out."""
    generator = np.random.default_rng(3)
    target = generator.normal(size=40)
    one, two = target + generator.normal(size=40), target + 0.5 * generator.normal(size=40)
    moved: dict[str, list[float]] = {"mae": [], "rmse": [], "r2": []}
    draws = np.random.default_rng(0)
    for _ in range(N_RESAMPLES):
        rows = draws.integers(40, size=40)
        y, a, b = target[rows], one[rows], two[rows]
        moved["mae"].append(np.abs(b - y).mean() - np.abs(a - y).mean())
        moved["rmse"].append(np.sqrt(np.square(b - y).mean()) - np.sqrt(np.square(a - y).mean()))
        moved["r2"].append((np.square(a - y).sum() - np.square(b - y).sum()) / np.square(y - y.mean()).sum())
    found = intervals(asked("regression", target, one), asked("regression", target, two), every_score=True)
    for name, values in moved.items():
        assert found[name] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-12), name
    assert found["mae"][1] < 0  # half the noise is better, whichever rows are drawn


@pytest.mark.parametrize("task", ["regression", "multiclass", "distribution", "similarity"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_that_are_means_of_rows_are_the_same_by_a_product_of_matrices(task: Task, weighted: bool) -> None:
    generator = np.random.default_rng(1)
    shares = generator.dirichlet([1, 1, 1], size=(2, 30))
    targets = {
        "regression": generator.normal(size=30),
        "multiclass": generator.integers(3, size=30),
        "distribution": generator.dirichlet([1, 1, 1], size=30),
        "similarity": generator.integers(2, size=30),
    }
    said = shares if task in ("multiclass", "distribution") else generator.normal(size=(2, 30))
    weight = generator.uniform(0, 2, size=30) if weighted else None
    first, other = (asked(task, targets[task], predicted, weight) for predicted in said)
    resamples = draw_resamples(first)
    means = bootstrap_scores(other, resamples, every_score=False)
    assert means
    for name, values in means.items():
        one_by_one = [
            compute_scores(task, other.y_true, other.y_pred, counts)[name] for counts in resamples.counts[:20]
        ]
        np.testing.assert_allclose(values[:20], one_by_one, rtol=1e-12)
    every = bootstrap_scores(other, resamples, every_score=True)
    assert (
        set(every) >= set(compute_scores(task, other.y_true, other.y_pred)) > set(means) - {"mape"}
        or task == "distribution"
    )


def test_a_ranking_draws_queries_whole() -> None:
    """Two queries, one of them better by 1 - 1/log2(3) of NDCG: a resample holds it 0, 1 or 2 times of 2."""
    target = np.array([[1.0, 0], [0, 0], [1, 1], [0, 1]])
    first = asked("ranking", target, np.array([0.0, 1, 1, 0]))
    other = asked("ranking", target, np.array([1.0, 0, 1, 0]))
    low, high = intervals(first, other, every_score=True)["ndcg@10"]
    assert (low, high) == pytest.approx((0, 1 - 1 / np.log2(3)))


def test_of_very_many_rows_a_sample_is_drawn_and_its_interval_shrunk() -> None:
    generator = np.random.default_rng(2)
    target = np.zeros(80_000)
    first, other = (asked("regression", target, generator.normal(size=80_000)) for _ in range(2))
    resamples = draw_resamples(first)
    assert resamples.counts.shape == (N_RESAMPLES, 20_000)
    assert resamples.scale == 0.5
    low, high = intervals(first, other, every_score=False)["mae"]
    # The deviation of the mean of 80,000 differences of two |normal|: sqrt(2 (1 - 2 / pi) / 80,000)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 * (1 - 2 / np.pi) / 80_000), rel=0.15)


def test_what_predictions_say_is_read_back() -> None:
    table = pl.DataFrame(
        {"row": ["4", "7"], "target": ["1", "0"], "prediction": ["0", "0"], "probability_0": ["0.75", "1.0"],
         "probability_1": ["0.25", "0.0"]}
    )  # fmt: skip
    rows = parse_test_predictions("multiclass", table, None, None)
    assert rows.y_true.tolist() == [1, 0]
    assert rows.y_pred.tolist() == [[0.75, 0.25], [1, 0]]
    assert have_same_rows(rows, rows)
    assert not have_same_rows(
        rows, parse_test_predictions("multiclass", table.with_columns(row=pl.Series(["4", "8"])), None, None)
    )
    with pytest.raises(ValueError, match="weights"):
        parse_test_predictions("multiclass", table, np.ones(3), None)


def test_pairs_at_the_threshold_or_nearer_are_alike() -> None:
    table = pl.DataFrame(
        {"row": ["0", "1", "2"], "target": ["same", "same", "other"], "prediction": ["same", "other", "other"],
         "distance": ["0.5", "2.0", "3.0"], "similarity": ["0.9", "0.2", "0.1"]}
    )  # fmt: skip
    rows = parse_test_predictions("similarity", table, None, 1.0)
    assert rows.y_true.tolist() == [1, 1, 0]
    assert rows.y_pred.tolist() == [0.5, -1, -2]


def test_scores_tell_the_task() -> None:
    said = [{"rmse": 1}, {"rmse": 1, "smape": 1}, {"log_loss": 1}, {"ndcg@10": 1}, {"kl_divergence": 1}, {}]
    tasks = [task_from_metrics({"test": dict.fromkeys(scores, 1.0)}) for scores in said]
    assert tasks == ["regression", "forecast", "multiclass", "ranking", "distribution", None]
    assert task_from_metrics({"test": {"accuracy": 1.0}, "threshold_distance": 0.5}) == "similarity"
