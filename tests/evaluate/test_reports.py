import numpy as np
import polars as pl
import pytest

from relight.data.features import Features, NumericFeature
from relight.data.schema import Task
from relight.evaluate import tables
from relight.evaluate.tables import (
    MAX_LINE_POINTS,
    class_scores_table,
    empty_tables,
    feature_residuals_table,
    line_table,
    predictions_table,
    reliability_table,
    residuals_table,
    roc_table,
)
from relight.metrics.roc import RocCounts, roc_auc, roc_curve


def features(task: Task, classes: list[str] | None, numeric: list[NumericFeature] | None = None) -> Features:
    return Features(
        task=task,
        target="y",
        targets=["y"],
        weight=None,
        classes=classes,
        numeric=numeric or [],
        categorical=[],
        target_statistics=None,
        class_counts=None,
        n_train=1,
        validates_on_test=False,
    )


def number(name: str, column: str = "", moment: str | None = None, std: float = 1) -> NumericFeature:
    return NumericFeature.model_validate(
        {
            "name": name, "column": column or name, "kind": "datetime" if moment else "numeric", "date_part": moment,
            "mean": 0, "std": std, "low": 0, "high": std, "quantiles": [], "gaps": 0,
        }
    )  # fmt: skip


def random_probabilities(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return np.arange(60) % n_classes, generator.dirichlet(np.ones(n_classes), size=60)


def test_predictions_of_numbers_stand_beside_the_truth() -> None:
    table = predictions_table(
        features("regression", None), np.array([7, 9]), np.array([1.0, 2.0]), np.array([1.5, 2.5])
    )
    assert table.to_dict(as_series=False) == {"row": [7, 9], "target": [1, 2], "prediction": [1.5, 2.5]}


def test_predictions_of_classes_are_labels_with_the_probability_of_each() -> None:
    said = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    table = predictions_table(features("multiclass", ["a", "b", "c"]), np.array([7, 9]), np.array([2, 1]), said)
    assert table.to_dict(as_series=False) == {
        "row": [7, 9],
        "target": ["c", "b"],
        "prediction": ["c", "a"],
        "probability_a": [0.2, 0.6],
        "probability_b": [0.3, 0.4],
        "probability_c": [0.5, 0.0],
    }


def test_the_roc_of_two_classes_is_that_of_the_second() -> None:
    target, probabilities = random_probabilities(2)
    false, true = roc_curve(target == 1, probabilities[:, 1])
    assert roc_table(target, probabilities).equals(pl.DataFrame({"fpr": false, "tpr": true}))


def test_the_roc_of_more_classes_is_the_mean_of_one_against_the_rest() -> None:
    target, probabilities = random_probabilities(3)
    curve = roc_table(target, probabilities)
    areas = [roc_auc(*RocCounts(target == k, probabilities[:, k]).cumulative_counts(np.ones(60))) for k in range(3)]
    area = float(np.trapezoid(curve["tpr"].to_numpy(), curve["fpr"].to_numpy()))
    assert area == pytest.approx(np.mean(areas), abs=0.01)  # 101 points of a curve of steps
    assert curve.row(-1) == (1, 1)


def test_a_class_without_rows_takes_no_part_in_the_roc() -> None:
    target, probabilities = random_probabilities(2)
    three = np.column_stack([probabilities * 0.9, np.full(60, 0.1)])
    first, second = (roc_curve(target == k, three[:, k]) for k in (0, 1))
    middle = (np.interp(0.5, *first) + np.interp(0.5, *second)) / 2
    assert roc_table(target, three)["tpr"][50] == pytest.approx(middle, rel=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_of_one_class_alone_have_no_roc(n_classes: int) -> None:
    curve = roc_table(np.zeros(5, dtype=np.int64), np.full((5, n_classes), 1 / n_classes))
    assert curve.height == 0
    assert curve.schema == empty_tables()["roc"].schema == roc_table(*random_probabilities(3)).schema


def test_reliability_of_two_classes_is_that_of_the_second() -> None:
    # rows at 0.25 and 0.75 for the second class; one of the two at 0.75 is of it
    probabilities = np.array([[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]])
    assert reliability_table(np.array([0, 1, 0]), probabilities).rows() == [
        (0.25, 0, 1, "before"),
        (0.75, 0.5, 2, "before"),
    ]


def test_reliability_of_more_classes_is_that_of_the_chosen_one() -> None:
    # chosen with 0.5 and 0.625: right, wrong
    probabilities = np.array([[0.5, 0.25, 0.25], [0.25, 0.125, 0.625]])
    assert reliability_table(np.array([0, 1]), probabilities).rows() == [(0.5, 1, 1, "before"), (0.625, 0, 1, "before")]


def test_reliability_after_a_temperature_says_so_and_weights_count() -> None:
    probabilities = np.array([[0.25, 0.75], [0.25, 0.75]])
    table = reliability_table(np.array([0, 1]), probabilities, np.array([1.0, 3.0]), "after")
    assert table.rows() == [(0.75, 0.75, 2, "after")]


def test_predictions_of_distributions_name_the_top_class_and_keep_the_true_shares() -> None:
    target, said = np.array([[0.25, 0.75]]), np.array([[0.625, 0.375]])
    table = predictions_table(features("distribution", ["a", "b"]), np.array([7]), target, said)
    assert table.to_dicts() == [
        {
            "row": 7, "target": "b", "prediction": "a",
            "probability_a": 0.625, "probability_b": 0.375, "target_a": 0.25, "target_b": 0.75,
        }
    ]  # fmt: skip


def test_each_class_has_its_rates_and_rows_and_gaps_where_they_are_not_defined() -> None:
    # said a, b, b of true a, a, b; c is neither
    said = np.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2]])
    table = class_scores_table(features("multiclass", ["a", "b", "c"]), np.array([0, 0, 1]), said)
    assert table.rows() == [("a", 1, 0.5, pytest.approx(2 / 3), 2), ("b", 0.5, 1, pytest.approx(2 / 3), 1), (
        "c", None, None, None, 0,
    )]  # fmt: skip
    weighted = class_scores_table(
        features("multiclass", ["a", "b", "c"]), np.array([0, 0, 1]), said, np.array([3, 1, 1])
    )
    assert weighted["recall"].to_list() == [0.75, 1, None]
    assert weighted["support"].to_list() == [2, 1, 0]
    assert table.schema == empty_tables()["classes"].schema


def test_residuals_stand_over_the_first_numeric_features_of_the_ranking() -> None:
    known = features(
        "regression", None,
        [
            number("a"), number("same", std=0),
            number("when.year", "when", "year"), number("when.elapsed", "when", "elapsed"),
        ],
    )  # fmt: skip
    numeric = np.array([[1, 5, 2020, 100], [np.nan, 5, 2021, 200]], np.float32)
    table = feature_residuals_table(
        known, ["when", "same", "colour", "a"], numeric, np.array([1.0, 2.0]), np.array([1.5, 1.0])
    )
    assert table.rows() == [
        ("when.elapsed", 100, 0.5),
        ("when.elapsed", 200, -1),
        ("a", 1, 0.5),
        ("a", None, -1),
    ]
    assert table.schema == empty_tables()["residuals_by_feature"].schema


def test_residuals_by_feature_have_six_panels_of_some_rows_from_the_first_to_the_last() -> None:
    known = features("regression", None, [number(f"x{k}") for k in range(8)])
    values = np.repeat(np.arange(9_000, dtype=np.float32)[:, None], 8, axis=1)
    table = feature_residuals_table(known, known.columns, values, np.zeros(9_000), np.ones(9_000))
    assert table["feature"].unique(maintain_order=True).to_list() == [f"x{k}" for k in range(6)]
    first = table.filter(pl.col("feature") == "x0")
    assert (first.height, first["value"].min(), first["value"].max()) == (2_000, 0, 8_999)


def test_reliability_has_the_same_columns_for_every_task() -> None:
    assert reliability_table(*random_probabilities(2)).schema == empty_tables()["calibration"].schema


def test_a_line_has_the_points_and_what_was_said_of_them() -> None:
    table = line_table("test", np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([4.0, 5.0]), np.array([6.0, 7.0]))
    assert table.columns == ["part", "x", "y", "before", "after"]
    assert table.rows() == [("test", 0, 2, 4, 6), ("test", 1, 3, 5, 7)]


def test_a_long_line_keeps_its_first_points() -> None:
    many = np.arange(MAX_LINE_POINTS + 10.0)
    table = line_table("train", many, many, many, many)
    assert table.height == MAX_LINE_POINTS
    assert table["x"].to_list() == table["after"].to_list() == list(range(MAX_LINE_POINTS))


def test_the_grid_of_averaged_curves_is_every_hundredth() -> None:
    np.testing.assert_allclose(tables.FPR_GRID, [k / 100 for k in range(101)], rtol=1e-15)


def test_residuals_are_prediction_minus_truth() -> None:
    table = residuals_table(np.array([1.0, 4.0], dtype=np.float32), np.array([0.0, 3.5], dtype=np.float32))
    assert table.rows() == [(0, -1), (3.5, -0.5)]
    assert table.schema == empty_tables()["residuals"].schema


def test_a_line_has_the_columns_of_no_line() -> None:
    two = np.array([1.0, 2.0], dtype=np.float32)
    assert line_table("train", two, two, two, two).schema == empty_tables()["line"].schema
