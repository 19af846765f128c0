import numpy as np
import polars as pl

from relight.domain.encoding import encode, encode_target
from relight.domain.features import CategoricalFeature, Features, NumericFeature
from relight.domain.schema import Task


def features(task: Task = "regression", classes: list[str] | None = None) -> Features:
    return Features(
        task=task,
        target="y",
        classes=classes,
        numeric=[
            NumericFeature(name="b", kind="boolean", mean=0.5, std=0.5, gaps=0),
            NumericFeature(name="a", kind="numeric", mean=1, std=1, gaps=0),
        ],
        categorical=[
            CategoricalFeature(name="c", levels=["u", "v"]),
            CategoricalFeature(name="d", levels=[]),
        ],
        target_mean=0.0,
        target_std=1.0,
        n_train=3,
        test_rows_validate=False,
    )


TABLE = pl.DataFrame({"a": [0.1, None, 3.0], "b": [True, False, None], "c": ["v", "w", None], "d": ["x", None, "z"]})


def test_numbers_are_float32_in_the_order_of_the_features_with_nan_for_gaps() -> None:
    expected = np.array([[1, 0.1], [0, np.nan], [np.nan, 3]], dtype=np.float32)
    numeric = encode(TABLE, features()).numeric
    assert numeric.dtype == np.float32
    np.testing.assert_array_equal(numeric, expected)


def test_levels_count_from_one_and_gaps_share_zero_with_unknown_levels() -> None:
    categories = encode(TABLE, features()).categories
    assert categories.dtype == np.int32
    assert categories.tolist() == [[2, 0], [0, 0], [0, 0]]


def test_features_of_one_sort_leave_the_other_array_without_columns() -> None:
    numbers = features().model_copy(update={"categorical": []})
    names = features().model_copy(update={"numeric": []})
    assert encode(TABLE, numbers).categories.shape == (3, 0)
    assert encode(TABLE, numbers).categories.dtype == np.int32
    assert encode(TABLE, names).numeric.shape == (3, 0)
    assert encode(TABLE, names).numeric.dtype == np.float32


def test_columns_that_are_no_features_do_not_matter() -> None:
    wider = TABLE.with_columns(other=pl.lit("x")).select("other", "d", "c", "b", "a")
    before, after = encode(TABLE, features()), encode(wider, features())
    assert before.numeric.tobytes() == after.numeric.tobytes()
    assert before.categories.tobytes() == after.categories.tobytes()


def test_a_quantity_is_a_float32_column() -> None:
    target = encode_target(pl.Series([0.1, 2.0]), features())
    assert target.dtype == np.float32
    assert target.tolist() == [[np.float32(0.1)], [2]]


def test_of_two_classes_the_second_is_one() -> None:
    target = encode_target(pl.Series(["no", "yes", "no"]), features("binary", ["no", "yes"]))
    assert target.dtype == np.float32
    assert target.tolist() == [[0], [1], [0]]


def test_more_classes_are_their_places_in_the_list() -> None:
    target = encode_target(pl.Series(["c", "a", "b"]), features("multiclass", ["a", "b", "c"]))
    assert target.dtype == np.int64
    assert target.tolist() == [2, 0, 1]
