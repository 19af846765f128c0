import numpy as np
import pytest

from relight.evaluate.inputs import LabelledParts, LabelledRows, PartPredictions, labelled_rows
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import compute_metrics
from relight.metrics.bootstrap import bootstrap_intervals
from relight.metrics.classification import (
    confidence_and_truth,
    decision_threshold,
    expected_calibration_error,
    scores_at,
)
from relight.metrics.scorers import compute_scores
from tests.feature_tables import Table, small_table

NOTHING = EvaluateParams()


def parts_of(table: Table) -> LabelledParts:
    """The validation rows stand on both sides: as validation, and the other way round as test."""
    train, validation = (
        labelled_rows(table.features.task, {**arrays, "row": np.arange(len(arrays["target"]))})
        for arrays in (table.train, table.validation)
    )
    return {"train": train, "validation": validation, "test": validation.take(np.arange(29, -1, -1))}


def said_of(parts: LabelledParts, n_classes: int = 2) -> PartPredictions:
    generator = np.random.default_rng(0)
    said = {part: generator.dirichlet(np.ones(n_classes), len(rows.target)) for part, rows in parts.items()}
    return PartPredictions(said, uncalibrated=None, by_seed=[])


def test_without_questions_there_are_the_scores_of_the_parts_and_of_the_trivial_model() -> None:
    table = small_table("binary", weighted=True)
    parts = parts_of(table)
    said = said_of(parts)
    found = compute_metrics(NOTHING, table.features, parts, said, {}, 1)
    assert set(found) == {"train", "validation", "test", "baseline", "positive"}
    for part, rows in parts.items():
        scores = compute_scores("binary", rows.target, said.by_part[part], rows.weight)
        extra = {"ece"} if part == "test" else set()
        assert set(found[part]) == {*scores, *extra}
        assert {name: found[part][name] for name in scores} == scores
    train = parts["train"]
    assert train.weight is not None
    share = float(np.average(train.target, weights=train.weight))
    trivial = np.tile([1 - share, share], (30, 1))
    expected = compute_scores("binary", parts["test"].target, trivial, parts["test"].weight)
    assert found["baseline"]["test"] == pytest.approx(expected, rel=1e-6)


def test_no_score_is_a_nan() -> None:
    table = small_table("multiclass")
    parts = parts_of(table)
    one_class = parts["test"].take(parts["test"].target == 0)
    found = compute_metrics(
        NOTHING, table.features, {**parts, "test": one_class}, said_of({**parts, "test": one_class}, 3), {}, 1
    )
    assert "auc" not in found["test"]
    values = [v for part in ("train", "validation", "test") for v in found[part].values()]
    assert np.isfinite(values).all()


def test_calibration_is_measured_before_and_after_the_temperature() -> None:
    table = small_table("binary", weighted=True)
    parts = parts_of(table)
    said = said_of(parts)
    before = np.random.default_rng(1).dirichlet(np.ones(2), 30)
    found = compute_metrics(NOTHING, table.features, parts, said._replace(uncalibrated=before), {}, 1)["test"]
    for name, answers in (("ece", said.by_part["test"]), ("ece_before", before)):
        curve = confidence_and_truth(parts["test"].target, answers)
        assert found[name] == expected_calibration_error(*curve, parts["test"].weight)


def test_intervals_are_those_of_the_test_rows() -> None:
    table = small_table("multiclass")
    parts = parts_of(table)
    said = said_of(parts, 3)
    found = compute_metrics(EvaluateParams(bootstrap=20, seed=5), table.features, parts, said, {}, 1)
    expected = bootstrap_intervals("multiclass", parts["test"].target, said.by_part["test"], n_resamples=20, seed=5)
    assert found["intervals"] == {"test": {name: list(ends) for name, ends in expected.items()}}


def test_each_seed_is_scored_by_itself() -> None:
    table = small_table("regression")
    parts = parts_of(table)
    target = parts["test"].target.astype(np.float64)
    said = PartPredictions(
        {part: rows.target for part, rows in parts.items()}, None, [target + 1, target + 2, target + 6]
    )
    found = compute_metrics(NOTHING, table.features, parts, said, {}, 1)["seeds"]["test"]
    # mean absolute errors 1, 2, 6: mean 3, deviation sqrt((4 + 1 + 9) / 2)
    assert found["mae"] == pytest.approx({"mean": 3, "std": np.sqrt(7)}, rel=1e-6)
    assert set(found) == set(compute_scores("regression", target, target + 1))


def test_the_threshold_of_the_validation_rows_is_applied_to_the_test_rows() -> None:
    table = small_table("binary")
    parts = parts_of(table)
    said = said_of(parts)
    found = compute_metrics(EvaluateParams(threshold="f1"), table.features, parts, said, {}, 1)["threshold"]
    value = decision_threshold("f1", parts["validation"].target, said.by_part["validation"][:, 1])
    assert found == {"value": value, **scores_at(value, parts["test"].target, said.by_part["test"][:, 1])}
    without = {part: rows for part, rows in parts.items() if part != "validation"}
    assert "threshold" not in compute_metrics(
        EvaluateParams(threshold="f1"), table.features, without, said_of(without), {}, 1
    )


def test_references_have_scores_on_validation_and_test_rows_and_beat_the_trivial_model() -> None:
    table = small_table("regression", n_train=300)
    parts = parts_of(table)
    said = PartPredictions({part: rows.target for part, rows in parts.items()}, None, [])
    asked = EvaluateParams(references=["linear", "hist_gradient_boosting"])
    found = compute_metrics(asked, table.features, parts, said, {}, 1)
    assert list(found["references"]) == ["linear", "hist_gradient_boosting"]
    for scores in found["references"].values():
        assert set(scores) == {"validation", "test"}
        assert scores["test"]["mae"] < found["baseline"]["test"]["mae"]


def test_learned_beside_true_parameters_pass_through() -> None:
    table = small_table("regression")
    parts: dict[str, LabelledRows] = parts_of(table)
    said = PartPredictions({part: rows.target for part, rows in parts.items()}, None, [])
    line = {"weight": {"learned": 0.5, "true": 0.7}}
    assert compute_metrics(NOTHING, table.features, parts, said, line, 1)["parameters"] == line
