import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from relight.metrics import bootstrap
from relight.metrics.bootstrap import bootstrap_intervals, has_rare_classes
from relight.metrics.own import OwnMetric
from relight.metrics.own_scores import own_intervals
from relight.metrics.scorers import compute_scores
from relight.own_code.calls import Call


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


def many_classes(n_classes: int, n_rows: int, right: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of classes in equal shares, of which a share is predicted right, and the others as any class."""
    generator = np.random.default_rng(0)
    truth = np.arange(n_rows) % n_classes
    predicted = np.where(generator.random(n_rows) < right, truth, generator.integers(n_classes, size=n_rows))
    probabilities = np.full((n_rows, n_classes), 0.5 / n_classes)
    probabilities[np.arange(n_rows), predicted] += 0.5
    return truth, probabilities


def resampled_macro_scores(truth: np.ndarray, probabilities: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Macro scores of resamples of rows by scikit-learn, which averages over the classes that occur."""
    generator, drawn, predicted = np.random.default_rng(0), [], probabilities.argmax(axis=1)
    for rows in (generator.integers(len(truth), size=len(truth)) for _ in range(n)):
        of = {"y_true": truth[rows], "y_pred": predicted[rows], "average": "macro", "zero_division": 0}
        drawn.append((precision_score(**of), recall_score(**of), f1_score(**of)))
    return dict(zip(("precision", "recall", "f1"), np.array(drawn).T, strict=True))


def test_macro_scores_of_rare_classes_lie_within_their_intervals() -> None:
    """Two rows a class: a resample lacks one in seven of the classes, so that its macro averages are biased."""
    truth, probabilities = many_classes(300, 600, 0.5)
    scores = compute_scores("multiclass", truth, probabilities)
    intervals = bootstrap_intervals("multiclass", truth, probabilities, n_resamples=100, seed=0)
    for name, drawn in resampled_macro_scores(truth, probabilities, 100).items():
        assert scores[name] > np.quantile(drawn, 0.9)  # the plain percentiles are almost or wholly below the score
        expected = np.quantile(drawn, [0.025, 0.975]) - (drawn.mean() - scores[name])
        assert intervals[name] == pytest.approx(expected, rel=1e-9)
        assert intervals[name][0] < scores[name] < intervals[name][1]


def test_intervals_of_frequent_classes_are_the_plain_percentiles() -> None:
    truth, probabilities = many_classes(4, 40, 0.7)
    intervals = bootstrap_intervals("multiclass", truth, probabilities, n_resamples=100, seed=0)
    for name, drawn in resampled_macro_scores(truth, probabilities, 100).items():
        assert intervals[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-12)


def test_own_scores_of_rare_classes_lie_within_their_intervals() -> None:
    def macro_recall(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray) -> float:
        predicted = y_pred.argmax(axis=1)
        return float(recall_score(y_true, predicted, average="macro", zero_division=0, sample_weight=sample_weight))

    truth, probabilities = many_classes(50, 100, 0.5)
    call = Call(call="own:macro_recall")
    metric = OwnMetric("macro_recall", "higher", "evaluate.metrics.0", call, macro_recall, "own:macro_recall", {})
    ends = own_intervals([metric], "multiclass", truth, probabilities, None, n_resamples=50, seed=0)["macro_recall"]
    relight = bootstrap_intervals("multiclass", truth, probabilities, n_resamples=50, seed=0)["recall"]
    assert ends == pytest.approx(relight, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "wrong", "rare"),
    [
        ((5, 5, 5), None, False),
        ((5, 5, 4), None, True),
        ((9, 6, 0), None, False),  # a class without a row is in no average
        ((9, 6, 0), 2, True),  # predicted once: in the average of the resamples that hold the row
    ],
)
def test_a_class_is_rare_by_the_rows_that_are_or_are_predicted_to_be_of_it(
    counts: tuple[int, ...], wrong: int | None, rare: bool
) -> None:
    truth = np.repeat(np.arange(3), counts)
    probabilities = np.eye(3)[truth]
    if wrong is not None:
        probabilities[0] = np.eye(3)[wrong]
    assert has_rare_classes("multiclass", truth, probabilities, np.ones(len(truth))) is rare
