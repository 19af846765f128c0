from datetime import datetime

import numpy as np
import polars as pl
import pytest

from relight.data.features import CategoricalFeature, DatePart, InputFeatures, NumericInput
from relight.data.schema import Schema, Task
from relight.evaluate.inputs import LabelledRows
from relight.evaluate.reference_models import fit_reference
from relight.split.encoding import columns_to_encode, encode, encode_chunk, encode_target


def features() -> InputFeatures:
    return InputFeatures(
        numeric=[
            NumericInput(name="b", column="b", kind="boolean"),
            NumericInput(name="a", column="a", kind="numeric"),
        ],
        categorical=[CategoricalFeature(name="c", levels=["u", "v"]), CategoricalFeature(name="d", levels=[])],
    )


def schema(task: Task, targets: list[str], classes: list[str] | None = None, weight: str | None = None) -> Schema:
    return Schema(
        rows=3,
        target=",".join(targets),
        targets=targets,
        weight=weight,
        task=task,
        classes=classes,
        columns=[],
        generated=None,
        notes=[],
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
    numbers = features()._replace(categorical=[])
    names = features()._replace(numeric=[])
    assert encode(TABLE, numbers).categories.shape == (3, 0)
    assert encode(TABLE, numbers).categories.dtype == np.int32
    assert encode(TABLE, names).numeric.shape == (3, 0)
    assert encode(TABLE, names).numeric.dtype == np.float32


def test_columns_that_are_no_features_do_not_matter() -> None:
    wider = TABLE.with_columns(other=pl.lit("x")).select("other", "d", "c", "b", "a")
    before, after = encode(TABLE, features()), encode(wider, features())
    assert before.numeric.tobytes() == after.numeric.tobytes()
    assert before.categories.tobytes() == after.categories.tobytes()


def test_a_date_is_its_numbers() -> None:
    moments: list[DatePart] = ["month", "elapsed", "year"]
    numbers = [NumericInput(name=f"t.{m}", column="t", kind="datetime", date_part=m) for m in moments]
    table = pl.DataFrame({"t": [datetime(2000, 3, 1, 12), None]})
    numeric = encode(table, InputFeatures(numbers, [])).numeric
    np.testing.assert_array_equal(numeric, np.array([[3, 60.5, 2000], [np.nan] * 3], dtype=np.float32))


def test_rows_stand_one_after_the_other_in_memory() -> None:
    numeric, categories = encode(TABLE, features())
    assert numeric.flags.c_contiguous
    assert categories.flags.c_contiguous


@pytest.mark.parametrize("n_levels", [3, 300, 70_000])
def test_codes_are_places_in_any_number_of_levels(n_levels: int) -> None:
    levels = [f"{k:05}" for k in range(n_levels)]
    places = np.random.default_rng(0).integers(0, n_levels, 1000)
    values = pl.Series("c", [None, "other", levels[-1], *(levels[place] for place in places)])
    inputs = InputFeatures([], [CategoricalFeature(name="c", levels=levels)])
    assert encode(values.to_frame(), inputs).categories[:, 0].tolist() == [0, 0, n_levels, *(places + 1)]


def test_a_quantity_is_a_float32_column() -> None:
    target = encode_target(pl.DataFrame({"y": [0.1, 2.0]}), schema("regression", ["y"]))
    assert target.dtype == np.float32
    assert target.tolist() == [[np.float32(0.1)], [2]]


def test_of_two_classes_the_second_is_one() -> None:
    target = encode_target(pl.DataFrame({"y": ["no", "yes", "no"]}), schema("binary", ["y"], ["no", "yes"]))
    assert target.dtype == np.float32
    assert target.tolist() == [[0], [1], [0]]


def test_more_classes_are_their_places_in_the_list() -> None:
    target = encode_target(pl.DataFrame({"y": ["c", "a", "b"]}), schema("multiclass", ["y"], ["a", "b", "c"]))
    assert target.dtype == np.int64
    assert target.tolist() == [2, 0, 1]


def test_a_distribution_is_a_row_of_shares() -> None:
    table = pl.DataFrame({"q": [0.25, 1.0], "p": [0.75, 0.0]})
    target = encode_target(table, schema("distribution", ["p", "q"], ["p", "q"]))
    assert target.dtype == np.float32
    assert target.tolist() == [[0.75, 0.25], [0, 1]]


def test_the_chosen_rows_of_a_chunk_are_those_rows_of_every_array() -> None:
    table = TABLE.with_columns(y=pl.Series([1.0, 2.0, 3.0]), w=pl.Series([0.5, 1.5, 2.5]))
    known = schema("regression", ["y"], weight="w")
    assert columns_to_encode(known, features()) == ["b", "a", "c", "d", "y", "w"]
    taken = encode_chunk(table, known, features()).take(np.array([2, 0])).tensors()
    numeric, categories = encode(table[[2, 0]], features())
    np.testing.assert_array_equal(taken["numeric"], numeric)
    np.testing.assert_array_equal(taken["categories"], categories)
    assert (taken["target"].tolist(), taken["weight"].tolist()) == ([[3], [1]], [2.5, 0.5])
    assert taken["weight"].dtype == np.float32


def test_rows_without_weights_have_no_array_of_them() -> None:
    table = TABLE.with_columns(y=pl.Series([1.0, 2.0, 3.0]))
    assert list(encode_chunk(table, schema("regression", ["y"]), features()).tensors()) == [
        "numeric",
        "categories",
        "target",
    ]


@pytest.mark.parametrize(
    ("levels", "codes"),
    [
        (["u", "v", ""], [1, 2, 3, 0]),  # a gap is a level, a name that no train row has is none
        (["u", "v"], [1, 2, 0, 0]),  # no train row had a gap; and models from before gaps were levels
        (["1.0", "u"], [2, 0, 0, 0]),  # levels of an older model
    ],
)
def test_a_gap_and_an_unknown_name_are_two_codes_if_train_rows_had_gaps(levels: list[str], codes: list[int]) -> None:
    table = pl.DataFrame({"c": ["u", "v", None, "w"]})
    inputs = InputFeatures([], [CategoricalFeature(name="c", levels=levels)])
    assert encode(table, inputs).categories[:, 0].tolist() == codes
    assert inputs.categorical[0].names == [level for level in levels if level]


def test_what_a_gap_means_is_learned_and_not_said_of_an_unknown_name() -> None:
    """Rows without a name have the target 10, the others 0: so has a name that no train row has."""
    generator = np.random.default_rng(0)
    names = [["u", "v", "w", None][index] for index in generator.integers(4, size=400)]
    inputs = InputFeatures([], [CategoricalFeature(name="c", levels=["u", "v", "w", ""])])
    codes = encode(pl.DataFrame({"c": names}), inputs)
    target = np.array([10.0 if name is None else 0.0 for name in names], dtype=np.float32)
    train = LabelledRows(codes.numeric, codes.categories, target, np.arange(400), None)
    predict = fit_reference("linear", "regression", train, None, 0, 1)
    assert predict is not None
    new = encode(pl.DataFrame({"c": [None, "u", "x"]}), inputs)
    gap, known, unknown = predict(new.numeric, new.categories)
    assert gap == pytest.approx(10, abs=0.2)
    assert known == pytest.approx(0, abs=0.2)
    assert unknown < 5
