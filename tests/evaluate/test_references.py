import warnings

import numpy as np
import pytest
from sklearn import ensemble, linear_model, preprocessing

from relight.data.schema import Task
from relight.evaluate.inputs import LabelledRows
from relight.evaluate.reference_models import fit_reference
from relight.metrics.scorers import compute_scores


def mixed_rows(n_rows: int, seed: int, *, weighted: bool = False) -> tuple[LabelledRows, np.ndarray]:
    """Two numbers, one with gaps, a category of 4 levels and a code 0; and a signal in all of them."""
    generator = np.random.default_rng(seed)
    numeric = generator.normal(3, 2, size=(n_rows, 2)).astype(np.float32)
    numeric[generator.random(n_rows) < 0.1, 1] = np.nan
    categories = generator.integers(0, 5, size=(n_rows, 1)).astype(np.int32)
    signal = numeric[:, 0] + np.sin(3 * np.nan_to_num(numeric[:, 1])) * 2 + (categories[:, 0] == 3) * 2
    signal += generator.normal(0, 0.3, size=n_rows)
    weight = generator.random(n_rows).astype(np.float32) if weighted else None
    return LabelledRows(numeric, categories, signal.astype(np.float32), np.arange(n_rows), weight), signal


def as_task(task: Task, rows: LabelledRows, signal: np.ndarray) -> LabelledRows:
    match task:
        case "regression":
            return rows
        case "binary":
            return rows._replace(target=(signal > 4).astype(np.int64))
        case "multiclass":
            return rows._replace(target=np.digitize(signal, [2, 5]))
        case "distribution":
            shares = np.exp(np.column_stack([signal, np.ones_like(signal), -signal]) / 4)
            return rows._replace(target=(shares / shares.sum(axis=1, keepdims=True)).astype(np.float32))


def parts(task: Task, *, weighted: bool = False) -> tuple[LabelledRows, LabelledRows, LabelledRows]:
    train, validation, test = (as_task(task, *mixed_rows(n, n, weighted=weighted)) for n in (600, 200, 300))
    return train, validation, test


def n_classes(task: Task) -> int:
    return {"regression": 0, "binary": 2, "multiclass": 3, "distribution": 3}[task]


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("weighted", [False, True])
def test_trees_are_those_of_scikit_learn_on_the_same_rows(task: Task, weighted: bool) -> None:
    train, validation, test = parts(task, weighted=weighted)
    said = fit_reference("hist_gradient_boosting", task, train, validation, n_classes(task), 1)
    kind = ensemble.HistGradientBoostingRegressor if task == "regression" else ensemble.HistGradientBoostingClassifier

    def columns(rows: LabelledRows) -> np.ndarray:
        return np.column_stack([rows.numeric, np.where(rows.categories == 0, np.nan, rows.categories)])

    model = kind(
        learning_rate=0.05, max_iter=1000, early_stopping=True, categorical_features=[2], random_state=0
    ).fit(
        columns(train), train.target, sample_weight=train.weight,
        X_val=columns(validation), y_val=validation.target, sample_weight_val=validation.weight,
    )  # fmt: skip
    expected = model.predict(columns(test)) if task == "regression" else model.predict_proba(columns(test))
    assert said is not None
    np.testing.assert_allclose(said(test.numeric, test.categories), expected, rtol=1e-12)
    assert model.n_iter_ < 1000  # the validation rows stopped it


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_the_linear_model_is_the_best_penalty_of_scikit_learn_on_the_validation_rows(task: Task) -> None:
    train, validation, test = parts(task, weighted=True)
    said = fit_reference("linear", task, train, validation, n_classes(task), 1)
    assert said is not None

    scaler = preprocessing.StandardScaler().fit(train.numeric.astype(np.float64))

    def columns(rows: LabelledRows) -> np.ndarray:
        numbers = np.nan_to_num(scaler.transform(rows.numeric.astype(np.float64)))
        return np.column_stack([numbers, np.isnan(rows.numeric[:, 1]), rows.categories == [1, 2, 3, 4]])

    found = []
    if task == "regression":
        models = [linear_model.Ridge(alpha=alpha) for alpha in (0.1, 1, 10, 100, 1000)]
    else:
        models = [linear_model.LogisticRegression(C=c, max_iter=300) for c in (0.01, 0.1, 1, 10)]
    for model in models:
        model.fit(columns(train), train.target, sample_weight=train.weight)
        says = model.predict if task == "regression" else model.predict_proba
        loss = compute_scores(task, validation.target, says(columns(validation)), validation.weight)
        found.append((loss["rmse" if task == "regression" else "log_loss"], says(columns(test))))
    expected = min(found, key=lambda pair: pair[0])[1]
    np.testing.assert_allclose(said(test.numeric, test.categories), expected, rtol=1e-5, atol=1e-7)


def test_a_linear_distribution_sums_to_one_and_is_better_than_the_mean() -> None:
    train, validation, test = parts("distribution")
    said = fit_reference("linear", "distribution", train, validation, 3, 1)
    assert said is not None
    shares = said(test.numeric, test.categories)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert shares.min() > 0
    mean = np.tile(train.target.mean(axis=0), (300, 1))
    divergence = [compute_scores("distribution", test.target, each)["kl_divergence"] for each in (shares, mean)]
    assert divergence[0] < divergence[1] / 2


def test_there_are_no_trees_for_a_distribution_and_no_classes_of_one() -> None:
    train, validation, _ = parts("distribution")
    assert fit_reference("hist_gradient_boosting", "distribution", train, validation, 3, 1) is None
    train, validation, _ = parts("binary")
    one_class = train._replace(target=np.zeros(600, dtype=np.int64))
    assert fit_reference("linear", "binary", one_class, validation, 2, 1) is None
    assert fit_reference("hist_gradient_boosting", "binary", one_class, validation, 2, 1) is None


@pytest.mark.parametrize("name", ["linear", "hist_gradient_boosting"])
def test_a_class_without_train_rows_has_no_probability_and_does_not_stop_a_fit(name: str) -> None:
    train, validation, test = parts("multiclass")
    said = fit_reference(name, "multiclass", train.take(train.target != 1), validation, 3, 1)  # type: ignore[arg-type]
    assert said is not None
    shares = said(test.numeric, test.categories)
    assert shares[:, 1].tolist() == [0] * 300
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
@pytest.mark.parametrize(("name", "threads"), [("linear", 1), ("linear", 2), ("hist_gradient_boosting", 1)])
def test_two_fits_give_the_same_bytes(task: Task, name: str, threads: int) -> None:
    """Two OpenMP threads that wait for one busy core take minutes: not here."""
    train, validation, test = parts(task)
    said = [fit_reference(name, task, train, validation, n_classes(task), threads) for _ in range(2)]  # type: ignore[arg-type]
    one, two = (says(test.numeric, test.categories).tobytes() for says in said if says is not None)
    assert one == two


@pytest.mark.parametrize("name", ["linear", "hist_gradient_boosting"])
def test_without_validation_rows_there_is_a_fit_all_the_same(name: str) -> None:
    train, _, test = parts("regression")
    said = fit_reference(name, "regression", train, None, 0, 1)  # type: ignore[arg-type]
    assert said is not None
    assert compute_scores("regression", test.target, said(test.numeric, test.categories))["r2"] > 0.5


@pytest.mark.parametrize("n_levels", [255, 256])
def test_more_levels_than_the_trees_can_hold_are_ordered_numbers(n_levels: int) -> None:
    generator = np.random.default_rng(0)
    codes = np.concatenate([np.arange(n_levels + 1), generator.integers(0, n_levels + 1, 3000)])[:, None]
    value = generator.permutation(n_levels + 1) % 2  # the order of the levels says nothing
    empty = np.empty((len(codes), 0), np.float32)
    rows = LabelledRows(
        empty, codes.astype(np.int32), value[codes[:, 0]].astype(np.float32), np.arange(len(codes)), None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = fit_reference("hist_gradient_boosting", "regression", rows, rows, 0, 1)
    assert said is not None
    assert compute_scores("regression", rows.target, said(empty, rows.categories))["r2"] > 0.5


def test_the_warnings_of_a_fit_are_not_for_the_person() -> None:
    """The warning of a logistic regression that stops at its last step."""
    generator = np.random.default_rng(0)
    numeric = generator.normal(size=(50, 40)).astype(np.float32)
    target = (numeric[:, 0] > 0).astype(np.int64)
    rows = LabelledRows(numeric, np.empty((50, 0), np.int32), target, np.arange(50), None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_reference("linear", "binary", rows, rows, 2, 1)
    assert caught == []
