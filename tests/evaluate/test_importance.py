import numpy as np
import pytest

from relight.data.features import CategoricalFeature, Features, NumericFeature
from relight.evaluate.diagnostics import (
    MAX_IMPORTANCE_ROWS,
    PredictionLoss,
    permutation_importance,
    sample_row_indices,
)
from relight.evaluate.tables import empty_tables


def number(name: str, column: str | None = None, moment: str | None = None) -> NumericFeature:
    return NumericFeature(
        name=name, column=column or name, kind="datetime" if moment else "numeric", date_part=moment,  # type: ignore[arg-type]
        mean=0, std=1, low=-1, high=1, quantiles=[], gaps=0,
    )  # fmt: skip


FEATURES = Features(
    task="regression",
    target="y",
    targets=["y"],
    weight=None,
    classes=None,
    numeric=[number("a"), number("when.year", "when", "year"), number("when.hour", "when", "hour"), number("noise")],
    categorical=[CategoricalFeature(name="colour", levels=["blue", "red"])],
    target_statistics=None,
    class_counts=None,
    n_train=1,
    validates_on_test=False,
)


def rows(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(n_rows, 4)), generator.integers(0, 3, size=(n_rows, 1)).astype(np.int32)


def squared_error(truth: np.ndarray) -> PredictionLoss:
    def loss_of(numeric: np.ndarray, categories: np.ndarray) -> float:
        return float(((answer(numeric, categories) - truth) ** 2).mean())

    return loss_of


def answer(numeric: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """A product of both numbers of the date: it keeps its value only where they move together."""
    return 3 * numeric[:, 0] + numeric[:, 1] * numeric[:, 2] + (categories[:, 0] == 2)


def test_the_rise_of_the_loss_is_what_the_model_makes_of_each_column() -> None:
    # shuffling x adds the variance of the difference of two of its rows: 2 Var x
    numeric, categories = rows(4000)
    loss_of = squared_error(answer(numeric, categories))
    table = permutation_importance(loss_of, numeric, categories, FEATURES, n_repeats=5, seed=0)
    assert table["column"].to_list() == ["a", "when", "colour", "noise"]
    found = dict(table.select("column", "importance").iter_rows())
    expected = {
        "a": 2 * 9 * np.var(numeric[:, 0]),
        "when": 2 * np.var(numeric[:, 1] * numeric[:, 2]),
        "colour": 2 * np.var(categories == 2),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=0.08), name
    assert found["noise"] == 0
    assert (table["low"] <= table["importance"]).all()
    assert (table["importance"] <= table["high"]).all()


def test_the_interval_is_the_percentiles_of_the_repeats_and_one_repeat_is_a_point() -> None:
    numeric, categories = rows(50)
    loss_of = squared_error(answer(numeric, categories))
    before, rises = loss_of(numeric, categories), []
    generator = np.random.default_rng([7, 0])
    for _ in range(6):
        shuffled = numeric.copy()
        shuffled[:, 0] = numeric[generator.permutation(50), 0]
        rises.append(loss_of(shuffled, categories) - before)
    table = permutation_importance(loss_of, numeric, categories, FEATURES, n_repeats=6, seed=7)
    assert table.row(0) == ("a", pytest.approx(np.mean(rises)), *np.quantile(rises, [0.025, 0.975]))
    one = permutation_importance(loss_of, numeric, categories, FEATURES, n_repeats=1, seed=7)
    assert one["low"].to_list() == one["importance"].to_list() == one["high"].to_list()
    assert one.row(0)[1] == rises[0]


def test_the_rows_that_are_given_stay_as_they_were() -> None:
    numeric, categories = rows(20)
    before = numeric.copy(), categories.copy()
    permutation_importance(lambda *_: 0.0, numeric, categories, FEATURES, n_repeats=1, seed=0)
    assert np.array_equal(numeric, before[0])
    assert np.array_equal(categories, before[1])


def test_columns_that_are_worth_the_same_stand_in_the_order_of_their_names() -> None:
    table = permutation_importance(lambda *_: 1.0, *rows(5), FEATURES, n_repeats=2, seed=0)
    assert table["column"].to_list() == ["a", "colour", "noise", "when"]
    assert table.schema == empty_tables()["importance"].schema


def test_a_sample_of_rows_is_all_of_few_and_a_part_of_many() -> None:
    assert sample_row_indices(3, 0).tolist() == [0, 1, 2]
    many = sample_row_indices(3 * MAX_IMPORTANCE_ROWS, 5)
    assert len(np.unique(many)) == MAX_IMPORTANCE_ROWS
    assert np.array_equal(many, sample_row_indices(3 * MAX_IMPORTANCE_ROWS, 5))
    assert not np.array_equal(many, sample_row_indices(3 * MAX_IMPORTANCE_ROWS, 6))
